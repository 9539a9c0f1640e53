/* Request collapsing: requests for the same list that several threads have at the same time are answered by one
 * reading of it. Each answer is as fresh as one of its own, see batch.h. */
#ifndef COLLAPSE_H
#define COLLAPSE_H

#include "batch.h"
#include "route.h"

/* Of the batch that collapse_handle takes. */
extern const struct batch_kind collapsed_requests;

/* What route->handler answers, be it to this request or to another one with the same path and query. */
enum status collapse_handle(struct batch *batch, const struct route *route, struct request *request,
                            struct response *response);

#endif
