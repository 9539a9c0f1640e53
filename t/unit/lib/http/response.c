#include "lib/http/response.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/tap.h"

static struct response response;

static const char *text_of(const struct buffer *buffer)
{
    static char text[2048];
    snprintf(text, sizeof text, "%.*s", (int)buffer->length, buffer->length ? buffer->data : "");
    return text;
}

static void test_success(void)
{
    response_reset(&response);
    struct json *json = response_json(&response, 201);
    json_object(json);
    json_number(json, "id", 3);
    json_object_end(json);
    response_header(&response, "X-Token", "t");
    is_int(response.http, 201, "a JSON response has the status");
    is_text(text_of(&response.headers), "Content-Type: application/json\r\nX-Token: t\r\n",
            "a JSON response has its headers");
    is_text(text_of(&response.body), "{\"id\":3}", "a JSON response has its body");

    response_reset(&response);
    is_int(response.http, 0, "a reset clears the status");
    is_int(response.headers.length + response.body.length, 0, "a reset clears headers and body");
    is_int(response_empty(&response, 204), STATUS_ANSWERED, "response_empty returns STATUS_ANSWERED");
    is_int(response.http, 204, "response_empty sets the status");
    is_int(response.body.length, 0, "response_empty writes no body");
    json = response_json(&response, 200);
    json_array(json);
    json_array_end(json);
    is_text(text_of(&response.body), "[]", "a reset clears the JSON state");
}

static void test_problem(void)
{
    const struct request request = {.id = "r1", .detail = "title is \"empty\""};
    const struct request no_detail = {.id = "r2"};
    response_reset(&response);
    json_object(response_json(&response, 200));
    response_problem(&response, &request, STATUS_BAD_REQUEST);
    is_int(response.http, 400, "a problem has its status");
    is_text(text_of(&response.headers), "Content-Type: application/problem+json\r\n",
            "the header of a problem replaces earlier headers");
    is_text(text_of(&response.body),
            "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"title is "
            "\\\"empty\\\"\",\"request_id\":\"r1\",\"error\":\"Request body is not "
            "correct\",\"error_code\":\"001\"}",
            "the body of a problem replaces the earlier body");
    response_problem(&response, &no_detail, STATUS_NOT_FOUND);
    ok(!strstr(text_of(&response.body), "detail"), "a problem without a detail has no such member");
    response_problem(&response, &no_detail, STATUS_DB_UNAVAILABLE);
    ok(strstr(text_of(&response.headers), "\r\nRetry-After: 1\r\n"), "503 has Retry-After");
    response_problem(&response, &no_detail, STATUS_TOO_MANY_REQUESTS);
    ok(strstr(text_of(&response.headers), "\r\nRetry-After: 1\r\n"), "429 has Retry-After");
    const struct request request_delay = {.id = "r4", .retry_after_s = 150};
    response_problem(&response, &request_delay, STATUS_TOO_MANY_REQUESTS);
    ok(strstr(text_of(&response.headers), "\r\nRetry-After: 150\r\n"),
       "the delay of the request overrides the default Retry-After");
    response_problem(&response, &no_detail, STATUS_UNAUTHENTICATED);
    ok(strstr(text_of(&response.headers), "\r\nWWW-Authenticate: Bearer\r\n"), "401 has WWW-Authenticate");
}

static void test_gate_problem(void)
{
    const struct request request = {.id = "r3", .detail = "two\r\nlines"};
    response_reset(&response);
    response_gate_problem(&response, &request, STATUS_TOO_LARGE);
    is_int(response.http, 403, "a problem for the gate has status 403");
    const char *headers = text_of(&response.headers);
    ok(strstr(headers, "X-Gate-Status: 413\r\n"), "a header has the real status");
    const char *problem = strstr(headers, "X-Gate-Problem: {");
    ok(problem && strstr(problem, "\"error_code\":\"002\""), "a header has the problem");
    ok(problem && strstr(problem, "\"detail\":\"two\\r\\nlines\""), "line ends in the problem are escaped");
    ok(problem && strcmp(strchr(problem, '\r'), "\r\n") == 0, "the problem header ends with one CRLF");
    is_int(response.body.length, 0, "a problem for the gate has no body");
}

int main(void)
{
    test_success();
    test_problem();
    test_gate_problem();
    response_free(&response);
    return done_testing();
}
