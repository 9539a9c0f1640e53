/* From a request that has arrived to a response that is ready to be sent: finds the route, does what its row
 * says (session, ids, page, body), calls the handler, turns a failure into its problem body, counts
 * and logs the request. */
#ifndef LIB_HTTP_DISPATCH_H
#define LIB_HTTP_DISPATCH_H

#include "lib/http/request.h"
#include "lib/http/response.h"
#include "lib/http/service.h"

/* The request's config, context, arena, db, variables and body are set; the rest is zero. */
void dispatch(const struct service *service, struct request *request, struct response *response);

#endif
