/* Coalesces concurrent requests for the same list: one thread of the process runs the
 * handler and the others send a copy of its response.
 *
 * A handler call starts only after the requests that it answers have arrived, so their
 * shared response is as fresh as separate ones (see coalescer.h). */
#ifndef LIB_HTTP_COALESCED_REQUEST_H
#define LIB_HTTP_COALESCED_REQUEST_H

#include "lib/base/coalescer.h"
#include "lib/http/route.h"

/* The kind of coalescer that coalesced_request_handle needs. */
extern const struct coalescer_kind coalesced_requests;

/* Calls route->handler, or copies the response to another request of the same route, path
 * and query. Failures are not shared: when the other request failed, this one calls the
 * handler. */
enum status coalesced_request_handle(struct coalescer *coalescer, const struct route *route,
                                     struct request *request, struct response *response);

#endif
