#include "lib/http/coalesced_request.h"

#include <string.h>

struct coalescer {
    struct coalescer_job job;
    const struct route *route;
    struct request *request;
    struct response *response;
    enum status status;
};

static bool ask_the_same(const struct coalescer_job *job, const struct coalescer_job *other)
{
    const struct coalescer *a = (const struct coalescer *)job, *b = (const struct coalescer *)other;
    return a->route == b->route && strcmp(a->request->path, b->request->path) == 0 &&
           strcmp(a->request->query, b->request->query) == 0;
}

static void copy(struct coalescer *to, const struct coalescer *from)
{
    to->status = from->status;
    to->response->http = from->response->http;
    to->response->cache = from->response->cache;
    buffer_append(&to->response->headers, from->response->headers.data, from->response->headers.length);
    buffer_append(&to->response->body, from->response->body.data, from->response->body.length);
}

static void answer(struct coalescer_job *const jobs[], size_t count)
{
    struct coalescer *first = (struct coalescer *)jobs[0];
    /* Waiting for the turn may have taken all the time. */
    db_begin(first->request->db, first->request->arena);
    first->status = first->route->handler(first->request, first->response);
    if (first->response->headers.failed || first->response->body.failed)
        first->status = STATUS_INTERNAL;
    for (size_t i = 1; i < count; i++)
        copy((struct coalescer *)jobs[i], first);
}

const struct coalescer_kind coalesced_requests = {COALESCER_JOBS_MAX, ask_the_same, answer};

enum status coalesced_request_handle(struct coalescer *coalescer, const struct route *route,
                                     struct request *request, struct response *response)
{
    struct coalescer own = {.route = route, .request = request, .response = response};
    bool shared = !coalescer_run(coalescer, &own.job);
    if (!shared || own.status == STATUS_ANSWERED)
        return own.status;
    /* A failure is the other request's: its connection may have broken, its time may have been over. */
    return route->handler(request, response);
}
