#include "lib/http/dispatch.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/http/coalesced_request.h"
#include "lib/http/idempotency.h"
#include "lib/http/session.h"
#include "lib/metrics/metrics.h"

/* The largest JSON body. */
enum { BODY_MAX = 64 * 1024 };

static void add_allow(const struct service *service, const struct request *request, struct response *response)
{
    buffer_text(&response->headers, "Allow: ");
    route_allow(&service->routes, request->path, &response->headers);
    buffer_text(&response->headers, "\r\n");
}

static enum status read_form(const struct form *form, struct request *request)
{
    if (!request->body_complete || request->body_length > BODY_MAX)
        return request_refuse(request, STATUS_TOO_LARGE, "the body is larger than 64 KiB");
    const char *wrong = body_parse(request->arena, request->body, request->body_length, form->fields,
                                   form->count, request->values);
    return wrong ? request_refuse(request, STATUS_BAD_REQUEST, wrong) : STATUS_ANSWERED;
}

static enum status read_page(const struct service *service, const struct route *route,
                             struct request *request)
{
    const char *wrong =
        route->searches ? search_parse(request->arena, request->query, &request->search) : NULL;
    if (wrong)
        return request_refuse(request, STATUS_BAD_REQUEST, wrong);
    enum store_outcome outcome = secret_load(request->secret, request->db, service->secret_statement);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    const struct cursor_list list = {
        .secret = request->secret->bytes,
        .path = request->path,
        .filter = search_filter_name(request->arena, &request->search),
    };
    wrong = page_parse(&list, request->query, route->pages, &request->page);
    return wrong ? request_refuse(request, STATUS_BAD_REQUEST, wrong) : STATUS_ANSWERED;
}

/* What a route's row asks for, in the order in which a client is told of it. */
static enum status prepare(const struct service *service, const struct route *route, struct request *request)
{
    const char *wrong = route_parse_ids(route, request);
    if (!wrong && route->idempotent)
        wrong = idempotency_parse(request);
    if (wrong)
        return request_refuse(request, STATUS_BAD_REQUEST, wrong);
    /* Nor may another site's page log its visitors in as somebody else. */
    if (!route->session && session_is_cross_site(request))
        return request_refuse(request, STATUS_FORBIDDEN, "the request comes from another site");
    enum status status = route->pages != PAGE_NONE ? read_page(service, route, request) : STATUS_ANSWERED;
    if (status == STATUS_ANSWERED && route->session) {
        status = session_authenticate(request, service->session_statement);
        if (status == STATUS_ANSWERED && request->user_id == 0)
            return request_refuse(request, STATUS_UNAUTHENTICATED, "a valid session is needed");
    }
    return status == STATUS_ANSWERED && route->form ? read_form(route->form, request) : status;
}

static enum status call(const struct service *service, const struct route *route, struct request *request,
                        struct response *response)
{
    if (request->idempotency_key && route->session)
        return idempotency_handle(service, route, request, response);
    if (route->coalesced)
        return coalesced_request_handle(request->coalescer, route, request, response);
    return route->handler(request, response);
}

static enum status handle(const struct service *service, const struct route *route, struct request *request,
                          struct response *response)
{
    /* What anybody may read may be kept, but not shown again unasked; it may have changed, or have gone. */
    if (route->method == METHOD_GET && !route->session)
        response->cache = "no-cache";
    enum status status = prepare(service, route, request);
    if (status == STATUS_ANSWERED)
        status = call(service, route, request, response);
    if (response->headers.failed || response->body.failed)
        status = STATUS_INTERNAL;
    return status;
}

/* Finds the route and answers. *found is set to the route if there is one. */
static enum status answer(const struct service *service, struct request *request, struct response *response,
                          const struct route **found)
{
    const struct route *route;
    if (!request_parse(request))
        return STATUS_NOT_FOUND;
    switch (route_find(&service->routes, request->method, request->path, &route)) {
    case ROUTE_FOUND:
        *found = route;
        if (request->method == METHOD_OPTIONS)
            add_allow(service, request, response);
        return handle(service, route, request, response);
    case ROUTE_NO_PATH: return STATUS_NOT_FOUND;
    case ROUTE_NO_METHOD: break;
    }
    if (request->method != METHOD_OPTIONS)
        return STATUS_METHOD_NOT_ALLOWED;
    add_allow(service, request, response);
    return response_empty(response, 204);
}

static void answer_failure(const struct service *service, const struct request *request,
                           struct response *response, enum status status)
{
    if (request->method == METHOD_GATE) {
        response_gate_problem(response, request, status);
        return;
    }
    response_problem(response, request, status);
    if (status == STATUS_METHOD_NOT_ALLOWED)
        add_allow(service, request, response);
}

static void count(const struct service *service, const struct request *request, const struct route *route,
                  int http, int64_t us)
{
    /* What the gate lets through is counted when it comes. */
    if (request->method == METHOD_GATE && http < 400)
        return;
    metrics_request(route ? (size_t)(route - service->routes.routes) + 1 : METRICS_NO_ROUTE, http, us);
}

void dispatch(const struct service *service, struct request *request, struct response *response)
{
    int64_t start_us = clock_us();
    const struct route *route = NULL;
    response_reset(response);
    enum status status = answer(service, request, response, &route);
    if (status != STATUS_ANSWERED)
        answer_failure(service, request, response, status);
    /* The gate's 403 is only nginx's. */
    int http = status == STATUS_ANSWERED ? response->http : status_failure(status)->http;
    int64_t us = clock_us() - start_us;
    count(service, request, route, http, us);
    log_write(LOG_INFO, "request", "id=%s method=%s route=%s status=%d user=%lld us=%lld", request->id,
              request->head ? "HEAD" : method_names[request->method], route ? route->pattern : "none", http,
              (long long)request->user_id, (long long)us);
}
