#include "lib/http/response.h"

void response_reset(struct response *response)
{
    response->http = 0;
    response->cache = "no-store";
    response->last = false;
    buffer_reset(&response->headers);
    buffer_reset(&response->body);
    response->json = (struct json){.out = &response->body};
}

void response_free(struct response *response)
{
    buffer_free(&response->headers);
    buffer_free(&response->body);
}

void response_header(struct response *response, const char *name, const char *value)
{
    buffer_text(&response->headers, name);
    buffer_append(&response->headers, ": ", 2);
    buffer_text(&response->headers, value);
    buffer_append(&response->headers, "\r\n", 2);
}

struct json *response_json(struct response *response, int http)
{
    response->http = http;
    response_header(response, "Content-Type", "application/json");
    return &response->json;
}

enum status response_empty(struct response *response, int http)
{
    response->http = http;
    return STATUS_ANSWERED;
}

static void write_problem(struct buffer *out, const struct request *request, enum status status)
{
    const struct failure *failure = status_failure(status);
    struct json json = {.out = out};
    json_object(&json);
    json_text(&json, "type", "about:blank");
    json_text(&json, "title", failure->title);
    json_number(&json, "status", failure->http);
    if (request->detail)
        json_text(&json, "detail", request->detail);
    json_text(&json, "request_id", request->id);
    json_text(&json, "error", failure->error);
    json_text(&json, "error_code", failure->error_code);
    json_object_end(&json);
}

void response_problem(struct response *response, const struct request *request, enum status status)
{
    const struct failure *failure = status_failure(status);
    response_reset(response);
    response->http = failure->http;
    response_header(response, "Content-Type", "application/problem+json");
    if (failure->http == 401)
        response_header(response, "WWW-Authenticate", "Bearer");
    int retry_after_s = request->retry_after_s > 0 ? request->retry_after_s : failure->retry_after_s;
    if (retry_after_s > 0)
        buffer_printf(&response->headers, "Retry-After: %d\r\n", retry_after_s);
    write_problem(&response->body, request, status);
}

void response_gate_problem(struct response *response, const struct request *request, enum status status)
{
    response_reset(response);
    response->http = 403;
    buffer_printf(&response->headers, "X-Gate-Status: %d\r\nX-Gate-Problem: ", status_failure(status)->http);
    write_problem(&response->headers, request, status);
    buffer_append(&response->headers, "\r\n", 2);
}
