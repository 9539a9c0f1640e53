/* A client's TCP connection to nginx, and whether it is still open in the kernel. */
#ifndef FCGI_STREAM_TOKENS_CONNECTION_H
#define FCGI_STREAM_TOKENS_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/compiler.h"

enum { CONNECTION_ADDRESS_BYTES = 16 };

/* In network byte order; an IPv4 address is in the first four bytes. */
struct connection {
    uint16_t family; /* 0: unknown, or not TCP */
    uint16_t client_port, server_port;
    unsigned char client[CONNECTION_ADDRESS_BYTES], server[CONNECTION_ADDRESS_BYTES];
};

/* Parses both ends of a connection, as nginx has them for a request: the peer's
 * address and port, $server_addr and $server_port. The family is 0 unless they are TCP
 * over IP. */
struct connection connection_parse(const char *client_address, const char *client_port,
                                   const char *server_address, const char *server_port);

/* Writes the client's address to text, "-" when it is unknown. Returns text. */
enum { CONNECTION_TEXT_SIZE = 46 };
const char *connection_client(const struct connection *connection, char text[CONNECTION_TEXT_SIZE]);

/* Opens the socket for connection_is_closed, which the caller closes. Returns -1 with
 * errno set. */
int connection_open_sock_diag(void);

/* True when the kernel says that nginx can't send on the connection any more. False when
 * the kernel does not even know the server's port: then nginx is in another network
 * namespace, and nothing is known. */
WARN_UNUSED bool connection_is_closed(int sock_diag, const struct connection *connection);

#endif
