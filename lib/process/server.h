/* A worker's core: threads around one epoll set that speak FastCGI over kept connections.
 *
 * libfcgi reads the requests, record.h writes the responses, and the accepting is done here: libfcgi's own, which blocks,
 * would pin one thread to each idle connection. A connection holds a thread only while it has a request. This is the one
 * place that reads request bodies: what a handler doesn't want is drained, and a connection on which something could be left
 * unread is closed, since the rest would be taken for FastCGI records (request smuggling). */
#ifndef LIB_PROCESS_SERVER_H
#define LIB_PROCESS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buffer.h"
#include "lib/base/compiler.h"

/* A request as it arrived. */
struct server_request {
    const char *const *variables; /* FastCGI parameters, NAME=value, NULL at the end */
    const char *body;
    size_t body_length;
    bool body_complete; /* false: there was more than the server keeps */
};

/* The answer to it. */
struct server_response {
    const struct buffer *headers; /* lines, each with its line end, and an empty one */
    const struct buffer *body;    /* or NULL */
    bool last;                    /* the connection ends with it */
};

struct server {
    int listen_fd; /* non-blocking */
    int threads;
    int receive_timeout_ms;  /* for a request to arrive once it has begun */
    int shutdown_timeout_ms; /* for requests to end after SIGTERM */
    void *context;

    /* Called in each thread: makes what the thread needs, takes it apart. NULL: the worker gives up. */
    void *(*thread_start)(void *context);
    void (*thread_stop)(void *thread);

    /* Answers a request. What the response points to is sent before the thread is asked again. */
    void (*serve)(void *thread, const struct server_request *request, struct server_response *response);
};

/* Serves until SIGTERM or SIGINT (which, like SIGUSR1, the caller has blocked in every thread), then finishes
 * what runs. False when it could not start, or when requests had not ended in time: there may be threads then that
 * still use the context. */
WARN_UNUSED bool server_run(const struct server *server);

#endif
