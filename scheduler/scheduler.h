/* What the scheduler's parts share. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include "config.h"
#include "db.h"
#include "route.h"

extern const struct route_table scheduler_routes;

enum status video_schedule(struct request *request, struct response *response);

/* How its threads connect. */
struct db_options scheduler_db_options(const struct config *config);

#endif
