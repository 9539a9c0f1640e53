/* One HTTP response. It is complete before its first byte is sent, so a failure half-way
 * replaces all of it. Handlers end with `return response_…`. */
#ifndef LIB_HTTP_RESPONSE_H
#define LIB_HTTP_RESPONSE_H

#include "lib/base/buffer.h"
#include "lib/base/json.h"
#include "lib/http/request.h"
#include "lib/http/status.h"

struct response {
    int http;          /* status code */
    const char *cache; /* Cache-Control; "no-store" by default */
    bool last;         /* closes its connection, as nginx does on X-Accel-Redirect */
    struct buffer headers, body;
    struct json json; /* writes to body */
};

void response_reset(struct response *response);
void response_free(struct response *response);

/* Adds a header. A value that comes from a client must have been checked for line
 * ends. */
void response_header(struct response *response, const char *name, const char *value);

/* Starts a JSON response. Returns &response->json, to which the caller writes the
 * body. */
struct json *response_json(struct response *response, int http);

/* A response without a body. Returns STATUS_ANSWERED. */
enum status response_empty(struct response *response, int http);

/* Writes the problem response (RFC 9457) for a failure; replaces what was written
 * before. */
void response_problem(struct response *response, const struct request *request, enum status status);

/* The same for the gate. nginx's auth_request passes on only 401 and 403, so the response
 * is a 403 that has the real status and body in two headers (see @refused in
 * nginx.conf.in). */
void response_gate_problem(struct response *response, const struct request *request, enum status status);

#endif
