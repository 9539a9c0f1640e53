/* Turns a received request into a response that is ready to send: finds the route, does
 * what its row says (ids, page, session, body), calls the handler, writes the problem
 * body of a failure, and counts and logs the request. See README.md for the order. */
#ifndef LIB_HTTP_DISPATCH_H
#define LIB_HTTP_DISPATCH_H

#include "lib/http/request.h"
#include "lib/http/response.h"
#include "lib/http/service.h"

/* The caller sets the request's config, context, arena, db, secret, coalescer, variables
 * and body; all other members are zero. The response is reset first. */
void dispatch(const struct service *service, struct request *request, struct response *response);

#endif
