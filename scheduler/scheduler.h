/* What the scheduler's parts share. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include "route.h"

extern const struct route_table scheduler_routes;

enum status video_schedule(struct request *request, struct response *response);

#endif
