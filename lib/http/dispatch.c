#include "lib/http/dispatch.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/http/coalesced_request.h"
#include "lib/http/idempotency.h"
#include "lib/http/session.h"
#include "lib/metrics/metrics.h"

/* Maximum size of a JSON body. */
enum { BODY_MAX = 64 * 1024 };

static void add_allow(const struct service *service, const struct request *request, struct response *response)
{
    buffer_text(&response->headers, "Allow: ");
    route_allow(&service->routes, request->path, &response->headers);
    buffer_text(&response->headers, "\r\n");
}

static enum status parse_form(const struct form *form, struct request *request)
{
    if (!request->body_complete || request->body_length > BODY_MAX)
        return request_refuse(request, STATUS_TOO_LARGE, "the body is larger than 64 KiB");
    const char *error = body_parse(request->arena, request->body, request->body_length, form->fields,
                                   form->count, request->values);
    return error ? request_refuse(request, STATUS_BAD_REQUEST, error) : STATUS_ANSWERED;
}

static enum status parse_page(const struct service *service, const struct route *route,
                              struct request *request)
{
    const char *error =
        route->searches ? search_parse(request->arena, request->query, &request->search) : NULL;
    if (error)
        return request_refuse(request, STATUS_BAD_REQUEST, error);
    enum store_outcome outcome = secret_load(request->secret, request->db, service->secret_statement);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    const struct cursor_list list = {
        .secret = request->secret->bytes,
        .path = request->path,
        .filter = search_filter_name(request->arena, &request->search),
    };
    error = page_parse(&list, request->query, route->pages, &request->page);
    return error ? request_refuse(request, STATUS_BAD_REQUEST, error) : STATUS_ANSWERED;
}

/* Parses and checks what the route's row asks for. The order decides which of several
 * failures the client sees. */
static enum status prepare(const struct service *service, const struct route *route, struct request *request)
{
    const char *error = route_parse_ids(route, request);
    if (!error && route->idempotent)
        error = idempotency_parse(request);
    if (error)
        return request_refuse(request, STATUS_BAD_REQUEST, error);
    /* Another site's page must not log its visitors in (login CSRF). With a session,
     * session_authenticate checks this. */
    if (!route->session && session_is_cross_site(request))
        return request_refuse(request, STATUS_FORBIDDEN, "the request comes from another site");
    enum status status = route->pages != PAGE_NONE ? parse_page(service, route, request) : STATUS_ANSWERED;
    if (status == STATUS_ANSWERED && route->session) {
        status = session_authenticate(request, service->session_statement);
        if (status == STATUS_ANSWERED && request->user_id == 0)
            return request_refuse(request, STATUS_UNAUTHENTICATED, "a valid session is needed");
    }
    return status == STATUS_ANSWERED && route->form ? parse_form(route->form, request) : status;
}

static enum status call_handler(const struct service *service, const struct route *route,
                                struct request *request, struct response *response)
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
    /* Public responses may be cached, but must be revalidated before each reuse. */
    if (route->method == METHOD_GET && !route->session)
        response->cache = "no-cache";
    enum status status = prepare(service, route, request);
    if (status == STATUS_ANSWERED)
        status = call_handler(service, route, request, response);
    if (response->headers.failed || response->body.failed)
        status = STATUS_INTERNAL;
    return status;
}

/* Finds and runs the route; *found is set if there is one. */
static enum status route_request(const struct service *service, struct request *request,
                                 struct response *response, const struct route **found)
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

static void write_failure(const struct service *service, const struct request *request,
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

static void count_request(const struct service *service, const struct request *request,
                          const struct route *route, int http, int64_t us)
{
    /* A request that the gate admits is counted when it arrives. */
    if (request->method == METHOD_GATE && http < 400)
        return;
    metrics_count_request(route ? (size_t)(route - service->routes.routes) + 1 : METRICS_NO_ROUTE, http, us);
}

void dispatch(const struct service *service, struct request *request, struct response *response)
{
    int64_t start_us = clock_us();
    const struct route *route = NULL;
    response_reset(response);
    enum status status = route_request(service, request, response, &route);
    if (status != STATUS_ANSWERED)
        write_failure(service, request, response, status);
    /* Metrics and log get the real status, not the gate's 403. */
    int http = status == STATUS_ANSWERED ? response->http : status_failure(status)->http;
    int64_t us = clock_us() - start_us;
    count_request(service, request, route, http, us);
    log_write(LOG_INFO, "request", "id=%s method=%s route=%s status=%d user=%lld us=%lld", request->id,
              request->head ? "HEAD" : method_names[request->method], route ? route->pattern : "none", http,
              (long long)request->user_id, (long long)us);
}
