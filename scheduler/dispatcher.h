/* The producer: wakes by NOTIFY, by the timer and when a lane has room again, claims what is due, and puts it
 * into the lanes; and renews the claims of what is in them. It never waits for an executor. */
#ifndef DISPATCHER_H
#define DISPATCHER_H

#include "lane.h"

struct dispatcher;

struct dispatcher_options {
    const struct db_options *db;
    int64_t interval_s; /* how often it looks without being woken */
    const char *owner;
    struct claims *claims;
    struct lane *const *lanes; /* by enum lane_name */
    int wake_fd;
};

/* Starts the thread. NULL is logged. */
struct dispatcher *dispatcher_start(const struct dispatcher_options *options);

/* Ends it; nothing is put into a lane any more. */
void dispatcher_stop(struct dispatcher *dispatcher);

#endif
