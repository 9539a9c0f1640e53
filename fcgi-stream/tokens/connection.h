/* A client's TCP connection to nginx, and whether the kernel still has it. */
#ifndef FCGI_STREAM_TOKENS_CONNECTION_H
#define FCGI_STREAM_TOKENS_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/compiler.h"

enum { CONNECTION_ADDRESS_BYTES = 16 };

/* In network byte order; an IPv4 address has the first four bytes. */
struct connection {
    uint16_t family; /* 0: not known, or no TCP */
    uint16_t client_port, server_port;
    unsigned char client[CONNECTION_ADDRESS_BYTES], server[CONNECTION_ADDRESS_BYTES];
};

/* Reads what nginx says of a request: $remote_addr, $remote_port, $server_addr, $server_port. What isn't TCP
 * over IP is not known. */
struct connection connection_parse(const char *client_address, const char *client_port,
                                   const char *server_address, const char *server_port);

/* The client's address as text, "-" when it is not known. Returns text. */
enum { CONNECTION_TEXT_SIZE = 46 };
const char *connection_client(const struct connection *connection, char text[CONNECTION_TEXT_SIZE]);

/* A socket to ask the kernel by; -1 with errno set. */
int connection_open_kernel(void);

/* True when nginx can send nothing on the connection any more. It doesn't count when the kernel knows of no such
 * server either: then nginx is in another network namespace. */
WARN_UNUSED bool connection_is_closed(int kernel, const struct connection *connection);

#endif
