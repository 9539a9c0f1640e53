#include "fcgi-stream/tokens/connection.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "lib/base/param.h"

static bool parse_port(const char *text, uint16_t *port)
{
    int64_t number;
    if (!param_number(text, strlen(text), UINT16_MAX, &number) || number == 0)
        return false;
    *port = htons((uint16_t)number);
    return true;
}

struct connection connection_parse(const char *client_address, const char *client_port,
                                   const char *server_address, const char *server_port)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct connection connection = {0};
    if (!parse_port(client_port, &connection.client_port) ||
        !parse_port(server_port, &connection.server_port))
        return connection;
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (inet_pton(families[i], client_address, connection.client) == 1 &&
            inet_pton(families[i], server_address, connection.server) == 1)
            connection.family = (uint16_t)families[i];
    return connection;
}

const char *connection_client(const struct connection *connection, char text[CONNECTION_TEXT_SIZE])
{
    if (connection->family == 0 ||
        !inet_ntop(connection->family, connection->client, text, CONNECTION_TEXT_SIZE))
        snprintf(text, CONNECTION_TEXT_SIZE, "-");
    return text;
}

int connection_open_sock_diag(void)
{
    const struct timeval timeout = {.tv_sec = 1};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return fd;
}

/* Sends a query for the connection, see sock_diag(7). */
static bool send_query(int sock_diag, const struct connection *connection)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } message = {
        .header = {sizeof message, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0},
        .request = {.sdiag_family = (uint8_t)connection->family,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = UINT32_MAX,
                    .id = {.idiag_sport = connection->server_port,
                           .idiag_dport = connection->client_port,
                           .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    memcpy(message.request.id.idiag_src, connection->server, sizeof connection->server);
    memcpy(message.request.id.idiag_dst, connection->client, sizeof connection->client);
    return send(sock_diag, &message, sizeof message, 0) == (ssize_t)sizeof message;
}

bool connection_is_closed(int sock_diag, const struct connection *connection)
{
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } answer;
    if (connection->family == 0 || !send_query(sock_diag, connection))
        return false;
    ssize_t length = recv(sock_diag, &answer, sizeof answer, 0);
    if (length < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) ||
        answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    const struct inet_diag_msg *socket = NLMSG_DATA(&answer.header);
    switch (socket->idiag_state) {
    case TCP_ESTABLISHED:
    case TCP_SYN_RECV:
    case TCP_CLOSE_WAIT: return false;
    /* nginx has closed its side; or TCP_LISTEN, when only the listening socket is
     * left. */
    default: return true;
    }
}
