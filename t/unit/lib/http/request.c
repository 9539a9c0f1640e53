#include "lib/http/request.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/tap.h"

static struct arena *arena;
static char uri_variable[256], method_variable[64];
static const char *const variables[] = {method_variable, "REQUEST_ID=0123", uri_variable, "EMPTY=",
                                        "HTTP_X=a=b",    "HTTP_X=second",   "HTTP_XY=xy", NULL};
static struct request request;

static bool reads(const char *method, const char *uri)
{
    arena_reset(arena);
    snprintf(method_variable, sizeof method_variable, "REQUEST_METHOD=%s", method);
    snprintf(uri_variable, sizeof uri_variable, "REQUEST_URI=%s", uri);
    request = (struct request){.arena = arena, .variables = variables};
    return request_parse(&request);
}

static void test_path(void)
{
    static const struct {
        const char *uri, *path, *query; /* path NULL: it is none */
    } rows[] = {
        {"/", "/", ""},
        {"/api/videos", "/api/videos", ""},
        {"/api/videos/", "/api/videos", ""},
        {"/api/videos//", "/api/videos/", ""},
        {"//", "/", ""},
        {"/api/videos/?limit=1", "/api/videos", "limit=1"},
        {"/api/videos?", "/api/videos", ""},
        {"/api/videos?a=%2&b=%00+?x", "/api/videos", "a=%2&b=%00+?x"},
        {"/?", "/", ""},
        {"/%61pi/v%69deos", "/api/videos", ""},
        {"/api/videos%2F", "/api/videos", ""},
        {"/a%3Fb?c", "/a?b", "c"},
        {"/a+b", "/a+b", ""},
        {"/%C3%BC", "/\xc3\xbc", ""},
        {"/%", NULL, ""},
        {"/%4", NULL, ""},
        {"/%4?1", NULL, "1"},
        {"/%zz", NULL, ""},
        {"/a%00b", NULL, ""},
        {"", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool good = reads("GET", rows[i].uri);
        is_text(good ? request.path : NULL, rows[i].path, "path of \"%s\"", rows[i].uri);
        is_text(request.query, rows[i].query, "its query");
    }
    ok(!reads("GET", "/%") && request.path && request.id, "a bad path leaves nothing unset");
}

static void test_method(void)
{
    static const struct {
        const char *name;
        enum method method;
    } rows[] = {
        {"GET", METHOD_GET},     {"POST", METHOD_POST},     {"PUT", METHOD_PUT},
        {"PATCH", METHOD_PATCH}, {"DELETE", METHOD_DELETE}, {"OPTIONS", METHOD_OPTIONS},
        {"gate", METHOD_GATE},   {"TRACE", METHOD_OTHER},   {"get", METHOD_OTHER},
        {"GETS", METHOD_OTHER},  {"", METHOD_OTHER},        {"other", METHOD_OTHER},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ok(reads(rows[i].name, "/"), "method \"%s\"", rows[i].name);
        is_int(request.method, rows[i].method, "is that one");
        ok(!request.head, "and not HEAD");
    }
    ok(reads("HEAD", "/") && request.method == METHOD_GET && request.head, "HEAD is GET, marked");
    for (enum method method = 0; method < METHOD_COUNT; method++)
        ok(method_names[method] != NULL, "method %d has a name", (int)method);
}

static void test_variables(void)
{
    ok(reads("GET", "/"), "a request");
    is_text(request.id, "0123", "its id");
    is_text(request_variable(&request, "HTTP_X"), "a=b", "a header: the first, whole");
    is_text(request_variable(&request, "HTTP_XY"), "xy", "one whose name begins alike");
    is_text(request_variable(&request, "EMPTY"), "", "an empty one");
    is_text(request_variable(&request, "HTTP_"), "", "one that wasn't sent");
    is_text(request_find(&request, "HTTP_X"), "a=b", "one that is looked for");
    is_text(request_find(&request, "EMPTY"), "", "an empty one is there");
    is_text(request_find(&request, "HTTP_"), NULL, "one that wasn't sent is not");
}

static void test_refuse(void)
{
    is_int(request_refuse(&request, STATUS_FORBIDDEN, "because"), STATUS_FORBIDDEN, "a refusal's status");
    is_text(request.detail, "because", "and words");
}

int main(void)
{
    arena = arena_create();
    test_path();
    test_method();
    test_variables();
    test_refuse();
    arena_destroy(arena);
    return done_testing();
}
