/* The core of a worker: threads around one epoll set that serve FastCGI over kept
 * connections.
 *
 * libfcgi parses the requests and record.h writes the responses. Connections are accepted
 * here, because libfcgi's blocking accept would pin one thread to each idle connection. A
 * connection occupies a thread only while it has a request.
 *
 * This is the only place that reads request bodies. A body that is too long for a handler
 * is drained, and a connection with unread bytes is closed: the next read would take them
 * for FastCGI records (request smuggling). */
#ifndef LIB_PROCESS_SERVER_H
#define LIB_PROCESS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buffer.h"
#include "lib/base/compiler.h"

/* A received request. */
struct server_request {
    const char *const *variables; /* FastCGI parameters as NAME=value, ended by NULL */
    const char *body;
    size_t body_length;
    bool body_complete; /* false: the body was longer than what the server keeps */
};

/* The response to it. */
struct server_response {
    const struct buffer *headers; /* lines that end in CRLF, and an empty line */
    const struct buffer *body;    /* or NULL */
    bool last;                    /* the connection is closed after it */
};

struct server {
    int listen_fd; /* non-blocking */
    int threads;
    int receive_timeout_ms;  /* from the first byte of a request to its last */
    int shutdown_timeout_ms; /* for running requests to finish after SIGTERM */
    void *context;

    /* Called in each thread at its start and end. thread_start returns the thread's
     * state; when it returns NULL, the worker stops. thread_stop frees the state. */
    void *(*thread_start)(void *context);
    void (*thread_stop)(void *thread);

    /* Handles a request. What the response points to must stay valid until the thread's
     * next call of serve or thread_stop. */
    void (*serve)(void *thread, const struct server_request *request, struct server_response *response);
};

/* Serves until SIGTERM or SIGINT, then waits for running requests. The caller must have
 * blocked these signals and SIGUSR1. Returns false when it could not start, or when
 * requests did not finish in time; threads may then still use the context. */
WARN_UNUSED bool server_run(const struct server *server);

#endif
