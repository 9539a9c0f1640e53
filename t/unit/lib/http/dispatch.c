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

static enum status show(struct request *given, struct response *to)
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

static enum status echo(struct request *given, struct response *to)
{
    json_text(response_json(to, 201), "title", given->values[0].text);
    return STATUS_ANSWERED;
}

static enum status refuse(struct request *given, struct response *to)
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
    {METHOD_GET, "/videos/:vid", show},
    {METHOD_GET, "/videos", show, .pages = PAGE_BY_ID},
    {METHOD_POST, "/videos", echo, .form = &form},
    {METHOD_DELETE, "/videos/:vid", show, .session = true},
    {METHOD_PUT, "/videos/:vid", echo, .session = true, .form = &form},
    {METHOD_GATE, "/videos/:vid", refuse},
    {METHOD_GET, "/refuse", refuse},
    {METHOD_GET, "/overflow", overflow},
    {METHOD_GATE, "/open", show},
    {METHOD_GET, "/films", show, .pages = PAGE_BY_ID, .searches = true},
};
static const struct service service = {.routes = {routes, COUNT_OF(routes)}};

/* Dispatches a request with that body; body NULL: one that was longer than what the server reads. */
static void ask(const char *method, const char *uri, const char *body)
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

/* The answer must have that status and words for the client. */
static void is_refused(int http, const char *words, const char *name)
{
    is_int(response.http, http, "%s", name);
    ok(strstr(text_of(request.method == METHOD_GATE ? &response.headers : &response.body), words), "says: %s",
       words);
}

static void test_answers(void)
{
    ask("GET", "/videos/7/", "");
    is_int(response.http, 200, "a handler answers");
    is_text(text_of(&response.body), "{\"vid\":7,\"limit\":0}", "with the id of the path");
    ok(strstr(logged, "event=request id=r1 method=GET route=/videos/:vid status=200 user=0 us="),
       "one line is logged");
    ask("GET", "/videos?limit=9", "");
    is_text(text_of(&response.body), "{\"vid\":0,\"limit\":9}", "with the page of the query");
    ask("GET", "/films?q=a+b&limit=9", "");
    is_text(text_of(&response.body), "{\"vid\":0,\"limit\":9,\"words\":\"a b\"}",
            "with what is searched for");
    ask("GET", "/videos?q=a+b&limit=9", "");
    is_text(text_of(&response.body), "{\"vid\":0,\"limit\":9}", "which not every list takes");
    ask("POST", "/videos", "{\"title\":\"t\"}");
    is_int(response.http, 201, "with what the body says");
    is_text(text_of(&response.body), "\"title\":\"t\"", "as it was read");
    ask("HEAD", "/videos/7", "");
    is_int(response.http, 200, "HEAD is answered as GET");
    ok(strstr(logged, "method=HEAD "), "and logged as HEAD");
}

static void test_refusals(void)
{
    ask("GET", "/nothing", "");
    is_refused(404, "\"error_code\":\"007\"", "an unknown path");
    ok(strstr(logged, "route=none status=404"), "has no route in the log");
    ask("GET", "/%", "");
    is_refused(404, "\"error_code\":\"007\"", "what is no path");
    ask("PATCH", "/videos/7", "");
    is_refused(405, "\"error_code\":\"009\"", "another method");
    ok(strstr(text_of(&response.headers), "Allow: OPTIONS, GET, HEAD, DELETE, PUT\r\n"),
       "says which there are");
    ask("OPTIONS", "/videos/7", "");
    is_int(response.http, 204, "OPTIONS is answered");
    is_text(text_of(&response.headers), "Allow: OPTIONS, GET, HEAD, DELETE, PUT\r\n", "by the methods");
    ask("GET", "/videos/0", "");
    is_refused(400, "the video's id is not a number", "a bad id");
    ask("GET", "/videos?limit=0", "");
    is_refused(400, "limit is not a number", "a bad page");
    ask("GET", "/films?q=", "");
    is_refused(400, "q is empty", "a bad search");
    ask("GET", "/refuse", "");
    is_refused(409, "it is taken", "what a handler refuses");
    ask("GET", "/overflow", "");
    is_refused(500, "\"error_code\":\"005\"", "an answer for which there is no memory");
    ask("gate", "/videos/7", "");
    is_refused(403, "X-Gate-Status: 409\r\nX-Gate-Problem: {", "the gate's refusal");
    ok(strstr(logged, "method=gate route=/videos/:vid status=409"), "has the real status in the log");
}

static void test_bodies(void)
{
    char body[64 * 1024 + 2];
    ask("POST", "/videos", "{}");
    is_refused(400, "title is missing", "a bad body");
    ask("POST", "/videos", "");
    is_refused(400, "the body is empty", "none");
    ask("POST", "/videos", NULL);
    is_refused(413, "the body is larger than 64 KiB", "more than the server reads");
    snprintf(body, sizeof body, "{\"title\":\"t\"}%s", bytes_repeat(' ', 64 * 1024 - 13));
    ask("POST", "/videos", body);
    is_int(response.http, 201, "64 KiB");
    strcat(body, " ");
    ask("POST", "/videos", body);
    is_refused(413, "the body is larger than 64 KiB", "a byte more");
}

static void test_order(void)
{
    ask("DELETE", "/videos/7", "");
    is_refused(401, "a valid session is needed", "without a session");
    ask("DELETE", "/videos/x", "");
    is_refused(400, "the video's id is not a number", "a bad id is told before that");
    ask("PUT", "/videos/7", "{}");
    is_refused(401, "a valid session is needed", "and a bad body after that");
}

/* How many requests to the route in that row, counted from 1, had that status. */
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
    ok(metrics_open(&config, "test", patterns, COUNT_OF(routes)), "metrics");
    ask("GET", "/videos/7", "");
    ask("HEAD", "/videos/8", "");
    is_int(counted(1, 200), 2, "a request counts for its route");
    ask("DELETE", "/videos/7", "");
    is_int(counted(4, 401), 1, "by the status that it got");
    ask("GET", "/nothing", "");
    ask("PATCH", "/videos", "");
    is_int(counted(METRICS_NO_ROUTE, 404), 1, "what is not found counts for none");
    is_int(counted(METRICS_NO_ROUTE, 405), 1, "and so does another method");
    ask("gate", "/videos/7", "");
    is_int(counted(6, 409), 1, "what the gate refuses counts");
    ask("gate", "/open", "");
    is_int(counted(9, 200), 0, "but not what it lets through");
}

int main(void)
{
    arena = arena_create();
    test_answers();
    test_refusals();
    test_bodies();
    test_order();
    test_metrics();
    response_free(&response);
    arena_destroy(arena);
    return done_testing();
}
