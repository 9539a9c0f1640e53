/* The gates: nginx asks one of them (auth_request) before it reads the body of an upload,
 * so a rejected client has not been sent "100 Continue" and its body is not stored. */
#ifndef FCGI_STREAM_UPLOADS_GATE_H
#define FCGI_STREAM_UPLOADS_GATE_H

#include "lib/http/request.h"
#include "lib/http/response.h"

/* For POST /stream/videos/:vid. 204 when nginx may read the body, with a token and the
 * upload's bytes reserved; otherwise 400, 403, 404, 412, 413, 415, 429 or 507. */
enum status upload_gate(struct request *request, struct response *response);

/* For PATCH /stream/uploads/:upload. 204 when nginx may read the chunk, with a token
 * taken; otherwise 400, 403, 404, 409, 412, 413, 415, 429 or 507. */
enum status tus_gate(struct request *request, struct response *response);

#endif
