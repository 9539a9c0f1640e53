/* What the scheduler's parts share. */
#ifndef SCHEDULER_SCHEDULER_H
#define SCHEDULER_SCHEDULER_H

#include "lib/http/route.h"

extern const struct route_table scheduler_routes;

enum status video_schedule(struct request *request, struct response *response);

#endif
