/* One HTTP response, written in full before a byte of it is sent, so that a failure half-way leaves nothing
 * behind but its own answer. Handlers end with `return response_…`. */
#ifndef LIB_HTTP_RESPONSE_H
#define LIB_HTTP_RESPONSE_H

#include "lib/base/buffer.h"
#include "lib/base/json.h"
#include "lib/http/request.h"
#include "lib/http/status.h"

struct response {
    int http;          /* the status code */
    const char *cache; /* Cache-Control; no-store unless something else is set */
    bool last;         /* nginx closes the connection after it, as it does on X-Accel-Redirect */
    struct buffer headers, body;
    struct json json; /* writes to body */
};

void response_reset(struct response *response);
void response_free(struct response *response);

/* Adds a header. The value must not come from a client unless it was checked for line ends. */
void response_header(struct response *response, const char *name, const char *value);

/* A JSON body follows, to be written to response->json. */
struct json *response_json(struct response *response, int http);

/* No body. */
enum status response_empty(struct response *response, int http);

/* The problem body (RFC 9457) for a status that a handler returned; replaces what was written before. */
void response_problem(struct response *response, const struct request *request, enum status status);

/* The same for the gate: nginx passes only a 403 on, so the real status and body travel in two headers (see
 * nginx.conf.in, @refused). */
void response_gate_problem(struct response *response, const struct request *request, enum status status);

#endif
