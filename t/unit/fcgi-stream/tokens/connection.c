#include "fcgi-stream/tokens/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/unit/tap.h"

static void test_parse(void)
{
    static const struct {
        const char *client_address, *client_port, *server_address, *server_port;
        int family;
        const char *name;
    } rows[] = {
        {"192.0.2.1", "40000", "192.0.2.2", "80", AF_INET, "IPv4"},
        {"2001:db8::1", "65535", "2001:db8::2", "1", AF_INET6, "IPv6"},
        {"192.0.2.1", "40000", "2001:db8::2", "80", 0, "addresses of two families"},
        {"unix:", "", "unix:/run/socket", "", 0, "a unix socket"},
        {"192.0.2.1", "0", "192.0.2.2", "80", 0, "port 0"},
        {"192.0.2.1", "65536", "192.0.2.2", "80", 0, "a port above 65535"},
        {"192.0.2.1", "40000", "192.0.2.2", "", 0, "a missing port"},
        {"", "40000", "192.0.2.2", "80", 0, "a missing address"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct connection connection = connection_parse(rows[i].client_address, rows[i].client_port,
                                                              rows[i].server_address, rows[i].server_port);
        is_int(connection.family, rows[i].family, "%s", rows[i].name);
    }
    const struct connection connection = connection_parse("192.0.2.1", "258", "192.0.2.2", "80");
    ok(connection.client_port == htons(258) && connection.server_port == htons(80), "both ports are parsed");
    ok(connection.client[3] == 1 && connection.server[3] == 2, "both addresses are parsed");
}

static void test_text(void)
{
    char text[CONNECTION_TEXT_SIZE];
    struct connection connection = connection_parse("192.0.2.1", "258", "192.0.2.2", "80");
    is_text(connection_client(&connection, text), "192.0.2.1", "an IPv4 address is written as text");
    connection = connection_parse("2001:db8:0:0::1", "258", "2001:db8::2", "80");
    is_text(connection_client(&connection, text), "2001:db8::1", "an IPv6 address is written as text");
    connection = connection_parse("unix:", "", "", "");
    is_text(connection_client(&connection, text), "-", "an unknown address is written as -");
}

/* A connection of this process to itself. */
struct pair {
    int listener, client, server;
    struct connection connection;
};

static socklen_t loopback(int family, struct sockaddr_storage *address)
{
    *address = (struct sockaddr_storage){.ss_family = (sa_family_t)family};
    if (family == AF_INET) {
        ((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof(struct sockaddr_in);
    }
    ((struct sockaddr_in6 *)address)->sin6_addr = in6addr_loopback;
    return sizeof(struct sockaddr_in6);
}

/* The port is at the same offset in IPv4 and IPv6 addresses. */
static void port_of(int fd, bool peer, char text[16])
{
    struct sockaddr_in6 address;
    socklen_t size = sizeof address;
    if ((peer ? getpeername : getsockname)(fd, (struct sockaddr *)&address, &size) != 0)
        exit(2);
    snprintf(text, 16, "%d", ntohs(address.sin6_port));
}

static bool connect_pair(struct pair *pair, int family)
{
    const char *address = family == AF_INET ? "127.0.0.1" : "::1";
    struct sockaddr_storage bound;
    socklen_t size = loopback(family, &bound);
    char client_port[16], server_port[16];
    pair->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (pair->listener < 0 || bind(pair->listener, (struct sockaddr *)&bound, size) != 0 ||
        listen(pair->listener, 1) != 0 || getsockname(pair->listener, (struct sockaddr *)&bound, &size) != 0)
        return false;
    pair->client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(pair->client, (struct sockaddr *)&bound, size) != 0)
        exit(2);
    pair->server = accept(pair->listener, NULL, NULL);
    port_of(pair->server, true, client_port);
    port_of(pair->server, false, server_port);
    pair->connection = connection_parse(address, client_port, address, server_port);
    return true;
}

/* The server closes first, and the client does not close its side. */
static void test_closed_by_server(int sock_diag)
{
    struct pair pair;
    if (!connect_pair(&pair, AF_INET))
        exit(2);
    close(pair.server);
    ok(connection_is_closed(sock_diag, &pair.connection),
       "a connection that the server has closed is reported as closed");
    close(pair.client);
    close(pair.listener);
}

static void test_closed(int family, const char *name)
{
    struct pair pair;
    int sock_diag = connection_open_sock_diag();
    ok(sock_diag >= 0, "the sock_diag socket can be opened");
    if (!connect_pair(&pair, family)) {
        ok(true, "%s is not available here", name);
        close(sock_diag);
        return;
    }
    ok(!connection_is_closed(sock_diag, &pair.connection), "%s: an open connection is not reported as closed",
       name);
    shutdown(pair.client, SHUT_WR);
    ok(!connection_is_closed(sock_diag, &pair.connection),
       "%s: a connection that the client has half-closed is not reported as closed", name);
    close(pair.client);
    ok(!connection_is_closed(sock_diag, &pair.connection),
       "%s: a connection that only the client has closed is not reported as closed", name);
    close(pair.server);
    ok(connection_is_closed(sock_diag, &pair.connection),
       "%s: a connection that both sides have closed is reported as closed", name);
    test_closed_by_server(sock_diag);
    close(pair.listener);
    ok(!connection_is_closed(sock_diag, &pair.connection),
       "%s: nothing is reported when the server is not listening", name);
    close(sock_diag);
}

int main(void)
{
    const struct connection unknown = {0};
    test_parse();
    test_text();
    test_closed(AF_INET, "IPv4");
    test_closed(AF_INET6, "IPv6");
    ok(!connection_is_closed(-1, &unknown), "an unknown connection is never reported as closed");
    return done_testing();
}
