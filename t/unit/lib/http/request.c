#include "lib/http/request.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/tap.h"

static struct arena *arena;
static char uri_variable[256], method_variable[64];
static const char *const variables[] = {method_variable, "REQUEST_ID=0123", uri_variable, "EMPTY=",
                                        "HTTP_X=a=b",    "HTTP_X=second",   "HTTP_XY=xy", NULL};
static struct request request;

static bool parse(const char *method, const char *uri)
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
        const char *uri, *path, *query; /* path NULL: it can't be decoded */
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
        bool valid = parse("GET", rows[i].uri);
        is_text(valid ? request.path : NULL, rows[i].path, "the path of \"%s\"", rows[i].uri);
        is_text(request.query, rows[i].query, "the query of that URI");
    }
    ok(!parse("GET", "/%") && request.path && request.id, "an invalid path leaves path and id set");
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
        ok(parse(rows[i].name, "/"), "a request with the method \"%s\" is parsed", rows[i].name);
        is_int(request.method, rows[i].method, "the method is recognised");
        ok(!request.head, "the request is not marked as HEAD");
    }
    ok(parse("HEAD", "/") && request.method == METHOD_GET && request.head, "HEAD becomes GET with a mark");
    for (enum method method = 0; method < METHOD_COUNT; method++)
        ok(method_names[method] != NULL, "method %d has a name", (int)method);
}

static void test_variables(void)
{
    ok(parse("GET", "/"), "a request is parsed");
    is_text(request.id, "0123", "the request id is set");
    is_text(request_variable(&request, "HTTP_X"), "a=b",
            "the first of two headers is found with its whole value");
    is_text(request_variable(&request, "HTTP_XY"), "xy", "a header with a longer name is found");
    is_text(request_variable(&request, "EMPTY"), "", "an empty header is an empty text");
    is_text(request_variable(&request, "HTTP_"), "", "a missing header is an empty text");
    is_text(request_find(&request, "HTTP_X"), "a=b", "request_find finds a header");
    is_text(request_find(&request, "EMPTY"), "", "request_find finds an empty header");
    is_text(request_find(&request, "HTTP_"), NULL, "request_find returns NULL for a missing header");
}

static void test_refuse(void)
{
    is_int(request_refuse(&request, STATUS_FORBIDDEN, "because"), STATUS_FORBIDDEN,
           "request_refuse returns the status");
    is_text(request.detail, "because", "request_refuse sets the detail");
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
