/* The gates: nginx asks them (auth_request) before it reads the body of an upload. A refused client has
 * sent nothing. */
#ifndef FCGI_STREAM_UPLOADS_GATE_H
#define FCGI_STREAM_UPLOADS_GATE_H

#include "lib/http/request.h"
#include "lib/http/response.h"

enum status upload_gate(struct request *request, struct response *response);
enum status tus_gate(struct request *request, struct response *response);

#endif
