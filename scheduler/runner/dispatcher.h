/* The producer: wakes by NOTIFY, by the timer and when a lane has room again, claims what is due, and puts it
 * into the lanes; and renews the claims of what is in them. It never waits for an executor. */
#ifndef SCHEDULER_RUNNER_DISPATCHER_H
#define SCHEDULER_RUNNER_DISPATCHER_H

#include "scheduler/runner/work_queue.h"

struct dispatcher;

struct dispatcher_options {
    const struct db_options *db;
    int64_t interval_s; /* how often it looks without being woken */
    const char *owner;
    struct leases *leases;
    struct work_queue *const *work_queues; /* by enum work_queue_name */
    int wake_fd;
};

/* Starts the thread. NULL is logged. */
struct dispatcher *dispatcher_start(const struct dispatcher_options *options);

/* Ends it; nothing is put into a lane any more. */
void dispatcher_stop(struct dispatcher *dispatcher);

#endif
