#include "lib/http/dispatch.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/metrics/metrics_file.h"
#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

static struct arena *arena;
static struct request request;
static struct secret secret = {.known = true};
static struct response response;
static const char *logged;

static enum status respond_ids(struct request *given, struct response *to)
{
    struct json *json = response_json(to, 200);
    json_object(json);
    json_number(json, "vid", given->ids.vid);
    json_number(json, "limit", given->page.limit);
    if (given->search.words)
        json_text(json, "words", given->search.words);
    json_object_end(json);
    return STATUS_ANSWERED;
}

static enum status respond_title(struct request *given, struct response *to)
{
    json_text(response_json(to, 201), "title", given->values[0].text);
    return STATUS_ANSWERED;
}

static enum status reject(struct request *given, struct response *to)
{
    json_object(response_json(to, 200));
    return request_refuse(given, STATUS_CONFLICT, "it is taken");
}

static enum status overflow(struct request *given, struct response *to)
{
    (void)given;
    buffer_append(&to->body, "", SIZE_MAX);
    return response_empty(to, 200);
}

static const struct field fields[] = {{"title", FIELD_LINE, .required = true, .min = 1, .max = 10}};
static const struct form form = {fields, COUNT_OF(fields)};
static const struct route routes[] = {
    {METHOD_GET, "/videos/:vid", respond_ids},
    {METHOD_GET, "/videos", respond_ids, .pages = PAGE_BY_ID},
    {METHOD_POST, "/videos", respond_title, .form = &form},
    {METHOD_DELETE, "/videos/:vid", respond_ids, .session = true},
    {METHOD_PUT, "/videos/:vid", respond_title, .session = true, .form = &form},
    {METHOD_GATE, "/videos/:vid", reject},
    {METHOD_GET, "/reject", reject},
    {METHOD_GET, "/overflow", overflow},
    {METHOD_GATE, "/open", respond_ids},
    {METHOD_GET, "/search", respond_ids, .pages = PAGE_BY_ID, .searches = true},
};
static const struct service service = {.routes = {routes, COUNT_OF(routes)}};

/* Dispatches a request. body NULL: it was longer than what the server keeps. */
static void request_with(const char *method, const char *uri, const char *body)
{
    char method_variable[64], uri_variable[128];
    const char *const variables[] = {method_variable, uri_variable, "REQUEST_ID=r1", NULL};
    snprintf(method_variable, sizeof method_variable, "REQUEST_METHOD=%s", method);
    snprintf(uri_variable, sizeof uri_variable, "REQUEST_URI=%s", uri);
    arena_reset(arena);
    request = (struct request){.arena = arena,
                               .secret = &secret,
                               .variables = variables,
                               .body = body ? body : "",
                               .body_length = body ? strlen(body) : 0,
                               .body_complete = body != NULL};
    capture_begin(STDERR_FILENO);
    dispatch(&service, &request, &response);
    logged = capture_end();
}

static const char *text_of(const struct buffer *buffer)
{
    static char text[2048];
    snprintf(text, sizeof text, "%.*s", (int)buffer->length, buffer->length ? buffer->data : "");
    return text;
}

/* The response must have that status, and its problem body must contain the text. */
static void is_problem(int http, const char *text, const char *name)
{
    is_int(response.http, http, "%s", name);
    ok(strstr(text_of(request.method == METHOD_GATE ? &response.headers : &response.body), text),
       "the problem says: %s", text);
}

static void test_success(void)
{
    request_with("GET", "/videos/7/", "");
    is_int(response.http, 200, "the handler of the route responds");
    is_text(text_of(&response.body), "{\"vid\":7,\"limit\":0}", "the handler gets the id from the path");
    ok(strstr(logged, "event=request id=r1 method=GET route=/videos/:vid status=200 user=0 us="),
       "one line is logged per request");
    request_with("GET", "/videos?limit=9", "");
    is_text(text_of(&response.body), "{\"vid\":0,\"limit\":9}", "the handler gets the limit from the query");
    request_with("GET", "/search?q=a+b&limit=9", "");
    is_text(text_of(&response.body), "{\"vid\":0,\"limit\":9,\"words\":\"a b\"}",
            "the handler of a searchable list gets the search words");
    request_with("GET", "/videos?q=a+b&limit=9", "");
    is_text(text_of(&response.body), "{\"vid\":0,\"limit\":9}",
            "the handler of another list gets no search words");
    request_with("POST", "/videos", "{\"title\":\"t\"}");
    is_int(response.http, 201, "a POST with a valid body succeeds");
    is_text(text_of(&response.body), "\"title\":\"t\"", "the handler gets the fields of the body");
    request_with("HEAD", "/videos/7", "");
    is_int(response.http, 200, "HEAD calls the handler of GET");
    ok(strstr(logged, "method=HEAD "), "HEAD is logged as HEAD");
}

static void test_failures(void)
{
    request_with("GET", "/nothing", "");
    is_problem(404, "\"error_code\":\"007\"", "an unknown path gets 404");
    ok(strstr(logged, "route=none status=404"), "an unknown path is logged without a route");
    request_with("GET", "/%", "");
    is_problem(404, "\"error_code\":\"007\"", "a path that cannot be decoded gets 404");
    request_with("PATCH", "/videos/7", "");
    is_problem(405, "\"error_code\":\"009\"", "an unknown method gets 405");
    ok(strstr(text_of(&response.headers), "Allow: OPTIONS, GET, HEAD, DELETE, PUT\r\n"),
       "the 405 response lists the allowed methods");
    request_with("OPTIONS", "/videos/7", "");
    is_int(response.http, 204, "OPTIONS gets 204");
    is_text(text_of(&response.headers), "Allow: OPTIONS, GET, HEAD, DELETE, PUT\r\n",
            "the OPTIONS response lists the allowed methods");
    request_with("GET", "/videos/0", "");
    is_problem(400, "the video id must be a number", "an invalid id gets 400");
    request_with("GET", "/videos?limit=0", "");
    is_problem(400, "limit must be a number", "an invalid limit gets 400");
    request_with("GET", "/search?q=", "");
    is_problem(400, "q is empty", "an empty search gets 400");
    request_with("GET", "/reject", "");
    is_problem(409, "it is taken", "a failure of the handler gets its status");
    request_with("GET", "/overflow", "");
    is_problem(500, "\"error_code\":\"005\"", "a response that exceeds memory gets 500");
    request_with("gate", "/videos/7", "");
    is_problem(403, "X-Gate-Status: 409\r\nX-Gate-Problem: {", "a failure of the gate gets 403");
    ok(strstr(logged, "method=gate route=/videos/:vid status=409"),
       "a failure of the gate is logged with the real status");
}

static void test_bodies(void)
{
    char body[64 * 1024 + 2];
    request_with("POST", "/videos", "{}");
    is_problem(400, "title is missing", "a body without a required field gets 400");
    request_with("POST", "/videos", "");
    is_problem(400, "the body is empty", "an empty body gets 400");
    request_with("POST", "/videos", NULL);
    is_problem(413, "the body is larger than 64 KiB", "a body that the server did not keep gets 413");
    snprintf(body, sizeof body, "{\"title\":\"t\"}%s", bytes_repeat(' ', 64 * 1024 - 13));
    request_with("POST", "/videos", body);
    is_int(response.http, 201, "a body of 64 KiB is accepted");
    strcat(body, " ");
    request_with("POST", "/videos", body);
    is_problem(413, "the body is larger than 64 KiB", "a body of 64 KiB and one byte gets 413");
}

static void test_order(void)
{
    request_with("DELETE", "/videos/7", "");
    is_problem(401, "a valid session is needed", "a request without a session gets 401");
    request_with("DELETE", "/videos/x", "");
    is_problem(400, "the video id must be a number", "an invalid id is reported before a missing session");
    request_with("PUT", "/videos/7", "{}");
    is_problem(401, "a valid session is needed", "a missing session is reported before an invalid body");
}

/* The counter for the route in that row (from 1) and that status; -1 when there is
 * none. */
static int64_t counted(size_t row, int http)
{
    const struct config config = {.run_dir = scratch_dir()};
    struct shared_memory shared;
    if (!metrics_file_attach(&shared, &config, "test"))
        return -1;
    const struct metrics_file *file = shared.memory;
    int64_t count = file->routes[row].statuses[http - METRICS_STATUS_MIN];
    shared_memory_close(&shared);
    return count;
}

static void test_metrics(void)
{
    const struct config config = {.run_dir = scratch_dir()};
    const char *patterns[COUNT_OF(routes)];
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        patterns[i] = routes[i].pattern;
    ok(metrics_open(&config, "test", patterns, COUNT_OF(routes)), "the metrics file can be opened");
    request_with("GET", "/videos/7", "");
    request_with("HEAD", "/videos/8", "");
    is_int(counted(1, 200), 2, "GET and HEAD count for their route");
    request_with("DELETE", "/videos/7", "");
    is_int(counted(4, 401), 1, "a failure counts with its status");
    request_with("GET", "/nothing", "");
    request_with("PATCH", "/videos", "");
    is_int(counted(METRICS_NO_ROUTE, 404), 1, "an unknown path counts without a route");
    is_int(counted(METRICS_NO_ROUTE, 405), 1, "an unknown method counts without a route");
    request_with("gate", "/videos/7", "");
    is_int(counted(6, 409), 1, "a request that the gate rejects is counted");
    request_with("gate", "/open", "");
    is_int(counted(9, 200), 0, "a request that the gate admits is not counted");
}

int main(void)
{
    arena = arena_create();
    test_success();
    test_failures();
    test_bodies();
    test_order();
    test_metrics();
    response_free(&response);
    arena_destroy(arena);
    return done_testing();
}
