/* The scheduler's REST route. */
#ifndef SCHEDULER_SCHEDULER_H
#define SCHEDULER_SCHEDULER_H

#include "lib/http/route.h"

extern const struct route_table scheduler_routes;

/* Deletes a video, see deletion_store_schedule. 200, also when there is no such video. */
enum status video_schedule(struct request *request, struct response *response);

#endif
