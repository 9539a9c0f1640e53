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

static void test_answers(void)
{
    response_reset(&response);
    struct json *json = response_json(&response, 201);
    json_object(json);
    json_number(json, "id", 3);
    json_object_end(json);
    response_header(&response, "X-Token", "t");
    is_int(response.http, 201, "a JSON answer's status");
    is_text(text_of(&response.headers), "Content-Type: application/json\r\nX-Token: t\r\n", "its headers");
    is_text(text_of(&response.body), "{\"id\":3}", "its body");

    response_reset(&response);
    is_int(response.http, 0, "a reset leaves no status");
    is_int(response.headers.length + response.body.length, 0, "nor headers, nor a body");
    is_int(response_empty(&response, 204), STATUS_ANSWERED, "an answer without a body is an answer");
    is_int(response.http, 204, "with its status");
    is_int(response.body.length, 0, "and no body");
    json = response_json(&response, 200);
    json_array(json);
    json_array_end(json);
    is_text(text_of(&response.body), "[]", "no comma is left from the answer before");
}

static void test_problem(void)
{
    const struct request request = {.id = "r1", .detail = "title is \"empty\""};
    const struct request plain = {.id = "r2"};
    response_reset(&response);
    json_object(response_json(&response, 200));
    response_problem(&response, &request, STATUS_BAD_REQUEST);
    is_int(response.http, 400, "a problem's status");
    is_text(text_of(&response.headers), "Content-Type: application/problem+json\r\n",
            "its header replaces those of before");
    is_text(text_of(&response.body),
            "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"title is "
            "\\\"empty\\\"\",\"request_id\":\"r1\",\"error\":\"Request body is not "
            "correct\",\"error_code\":\"001\"}",
            "and so does its body");
    response_problem(&response, &plain, STATUS_NOT_FOUND);
    ok(!strstr(text_of(&response.body), "detail"), "without words there is no detail");
    response_problem(&response, &plain, STATUS_DB_UNAVAILABLE);
    ok(strstr(text_of(&response.headers), "\r\nRetry-After: 1\r\n"), "503 says when to try again");
    response_problem(&response, &plain, STATUS_TOO_MANY_REQUESTS);
    ok(strstr(text_of(&response.headers), "\r\nRetry-After: 1\r\n"), "429 does too");
    const struct request late = {.id = "r4", .retry_after_s = 150};
    response_problem(&response, &late, STATUS_TOO_MANY_REQUESTS);
    ok(strstr(text_of(&response.headers), "\r\nRetry-After: 150\r\n"), "later, where the request says so");
    response_problem(&response, &plain, STATUS_UNAUTHENTICATED);
    ok(strstr(text_of(&response.headers), "\r\nWWW-Authenticate: Bearer\r\n"),
       "401 says how to authenticate");
}

static void test_refusal(void)
{
    const struct request request = {.id = "r3", .detail = "two\r\nlines"};
    response_reset(&response);
    response_gate_problem(&response, &request, STATUS_TOO_LARGE);
    is_int(response.http, 403, "the gate's refusal is always 403");
    const char *headers = text_of(&response.headers);
    ok(strstr(headers, "X-Gate-Status: 413\r\n"), "the real status is in a header");
    const char *problem = strstr(headers, "X-Gate-Problem: {");
    ok(problem && strstr(problem, "\"error_code\":\"002\""), "so is the problem");
    ok(problem && strstr(problem, "\"detail\":\"two\\r\\nlines\""), "with no line end in it");
    ok(problem && strcmp(strchr(problem, '\r'), "\r\n") == 0, "but at its end");
    is_int(response.body.length, 0, "there is no body");
}

int main(void)
{
    test_answers();
    test_problem();
    test_refusal();
    response_free(&response);
    return done_testing();
}
