#include "collapse.h"

#include <string.h>

struct collapsed {
    struct batch_job job;
    const struct route *route;
    struct request *request;
    struct response *response;
    enum status status;
};

static bool ask_the_same(const struct batch_job *job, const struct batch_job *other)
{
    const struct collapsed *a = (const struct collapsed *)job, *b = (const struct collapsed *)other;
    return a->route == b->route && strcmp(a->request->path, b->request->path) == 0 &&
           strcmp(a->request->query, b->request->query) == 0;
}

static void copy(struct collapsed *to, const struct collapsed *from)
{
    to->status = from->status;
    to->response->http = from->response->http;
    to->response->cache = from->response->cache;
    buffer_append(&to->response->headers, from->response->headers.data, from->response->headers.length);
    buffer_append(&to->response->body, from->response->body.data, from->response->body.length);
}

static void answer(struct batch_job *const jobs[], size_t count)
{
    struct collapsed *first = (struct collapsed *)jobs[0];
    /* Waiting for the turn may have taken all the time. */
    db_begin(first->request->db, first->request->arena);
    first->status = first->route->handler(first->request, first->response);
    if (first->response->headers.failed || first->response->body.failed)
        first->status = STATUS_INTERNAL;
    for (size_t i = 1; i < count; i++)
        copy((struct collapsed *)jobs[i], first);
}

const struct batch_kind collapsed_requests = {BATCH_JOBS_MAX, ask_the_same, answer};

enum status collapse_handle(struct batch *batch, const struct route *route, struct request *request,
                            struct response *response)
{
    struct collapsed own = {.route = route, .request = request, .response = response};
    bool shared = !batch_do(batch, &own.job);
    if (!shared || own.status == STATUS_ANSWERED)
        return own.status;
    /* A failure is the other request's: its connection may have broken, its time may have been over. */
    return route->handler(request, response);
}
