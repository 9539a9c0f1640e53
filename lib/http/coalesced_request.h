/* Request collapsing: requests for the same list that several threads have at the same time are answered by one
 * reading of it. Each answer is as fresh as one of its own, see coalescer.h. */
#ifndef LIB_HTTP_COALESCED_REQUEST_H
#define LIB_HTTP_COALESCED_REQUEST_H

#include "lib/base/coalescer.h"
#include "lib/http/route.h"

/* Of the batch that coalesced_request_handle takes. */
extern const struct coalescer_kind coalesced_requests;

/* What route->handler answers, be it to this request or to another one with the same path and query. */
enum status coalesced_request_handle(struct coalescer *coalescer, const struct route *route,
                                     struct request *request, struct response *response);

#endif
