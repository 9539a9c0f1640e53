#include "fcgi-stream/tokens/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/unit/tap.h"

static void test_read(void)
{
    static const struct {
        const char *client_address, *client_port, *server_address, *server_port;
        int family;
        const char *name;
    } rows[] = {
        {"192.0.2.1", "40000", "192.0.2.2", "80", AF_INET, "IPv4"},
        {"2001:db8::1", "65535", "2001:db8::2", "1", AF_INET6, "IPv6"},
        {"192.0.2.1", "40000", "2001:db8::2", "80", 0, "two kinds of address"},
        {"unix:", "", "unix:/run/socket", "", 0, "a unix socket"},
        {"192.0.2.1", "0", "192.0.2.2", "80", 0, "no port"},
        {"192.0.2.1", "65536", "192.0.2.2", "80", 0, "a port that is too large"},
        {"192.0.2.1", "40000", "192.0.2.2", "", 0, "a port that is missing"},
        {"", "40000", "192.0.2.2", "80", 0, "an address that is missing"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct connection connection = connection_parse(rows[i].client_address, rows[i].client_port,
                                                              rows[i].server_address, rows[i].server_port);
        is_int(connection.family, rows[i].family, "%s", rows[i].name);
    }
    const struct connection connection = connection_parse("192.0.2.1", "258", "192.0.2.2", "80");
    ok(connection.client_port == htons(258) && connection.server_port == htons(80), "both ports");
    ok(connection.client[3] == 1 && connection.server[3] == 2, "both addresses");
}

static void test_text(void)
{
    char text[CONNECTION_TEXT_SIZE];
    struct connection connection = connection_parse("192.0.2.1", "258", "192.0.2.2", "80");
    is_text(connection_client(&connection, text), "192.0.2.1", "an IPv4 address as text");
    connection = connection_parse("2001:db8:0:0::1", "258", "2001:db8::2", "80");
    is_text(connection_client(&connection, text), "2001:db8::1", "an IPv6 address");
    connection = connection_parse("unix:", "", "", "");
    is_text(connection_client(&connection, text), "-", "none");
}

/* A connection of this process with itself. */
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

/* IPv4 and IPv6 have the port in the same place. */
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

/* The server is done first, and the client doesn't close its side. */
static void test_half_over(int kernel)
{
    struct pair pair;
    if (!connect_pair(&pair, AF_INET))
        exit(2);
    close(pair.server);
    ok(connection_is_closed(kernel, &pair.connection), "one that the server has closed is over");
    close(pair.client);
    close(pair.listener);
}

static void test_over(int family, const char *name)
{
    struct pair pair;
    int kernel = connection_open_kernel();
    ok(kernel >= 0, "the kernel can be asked");
    if (!connect_pair(&pair, family)) {
        ok(true, "there is no %s here", name);
        close(kernel);
        return;
    }
    ok(!connection_is_closed(kernel, &pair.connection), "%s: a connection is not over", name);
    shutdown(pair.client, SHUT_WR);
    ok(!connection_is_closed(kernel, &pair.connection), "%s: nor when the client has said all", name);
    close(pair.client);
    ok(!connection_is_closed(kernel, &pair.connection), "%s: nor as long as the server has not closed it",
       name);
    close(pair.server);
    ok(connection_is_closed(kernel, &pair.connection), "%s: then it is", name);
    test_half_over(kernel);
    close(pair.listener);
    ok(!connection_is_closed(kernel, &pair.connection), "%s: without the server it is not known", name);
    close(kernel);
}

int main(void)
{
    const struct connection unknown = {0};
    test_read();
    test_text();
    test_over(AF_INET, "IPv4");
    test_over(AF_INET6, "IPv6");
    ok(!connection_is_closed(-1, &unknown), "one that is not known is never over");
    return done_testing();
}
