#include "lib/http/coalesced_request.h"

#include <string.h>

struct coalesced_request {
    struct coalescer_job job;
    const struct route *route;
    struct request *request;
    struct response *response;
    enum status status;
};

static bool is_same_request(const struct coalescer_job *job, const struct coalescer_job *other)
{
    const struct coalesced_request *a = (const struct coalesced_request *)job;
    const struct coalesced_request *b = (const struct coalesced_request *)other;
    return a->route == b->route && strcmp(a->request->path, b->request->path) == 0 &&
           strcmp(a->request->query, b->request->query) == 0;
}

static void copy_response(struct coalesced_request *to, const struct coalesced_request *from)
{
    to->status = from->status;
    to->response->http = from->response->http;
    to->response->cache = from->response->cache;
    buffer_append(&to->response->headers, from->response->headers.data, from->response->headers.length);
    buffer_append(&to->response->body, from->response->body.data, from->response->body.length);
}

static void run_batch(struct coalescer_job *const jobs[], size_t count)
{
    struct coalesced_request *first = (struct coalesced_request *)jobs[0];
    /* Waiting for the previous batch may have used up the time limit. */
    db_begin(first->request->db, first->request->arena);
    first->status = first->route->handler(first->request, first->response);
    if (first->response->headers.failed || first->response->body.failed)
        first->status = STATUS_INTERNAL;
    for (size_t i = 1; i < count; i++)
        copy_response((struct coalesced_request *)jobs[i], first);
}

const struct coalescer_kind coalesced_requests = {COALESCER_JOBS_MAX, is_same_request, run_batch};

enum status coalesced_request_handle(struct coalescer *coalescer, const struct route *route,
                                     struct request *request, struct response *response)
{
    struct coalesced_request own = {.route = route, .request = request, .response = response};
    bool shared = !coalescer_run(coalescer, &own.job);
    if (!shared || own.status == STATUS_ANSWERED)
        return own.status;
    /* The failure may be specific to the other request: its connection or its time
     * limit. */
    return route->handler(request, response);
}
