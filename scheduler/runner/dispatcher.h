/* The dispatcher: the thread that leases due tasks and fills the work queues.
 *
 * It wakes up on NOTIFY, on a timer and when a work queue has room again. It also renews
 * the leases of all batches that wait or run. It never waits for an executor. */
#ifndef SCHEDULER_RUNNER_DISPATCHER_H
#define SCHEDULER_RUNNER_DISPATCHER_H

#include "scheduler/runner/work_queue.h"

struct dispatcher;

struct dispatcher_options {
    const struct db_options *db;
    /* The timer's interval. */
    int64_t interval_s;
    /* The daemon's UUID, which is recorded in its leases. */
    const char *owner;
    struct leases *leases;
    /* Indexed by enum work_queue_name. */
    struct work_queue *const *work_queues;
    /* The eventfd that work queues write to when they have room. Nonblocking. */
    int wake_fd;
};

/* Starts the thread. The options' pointers must stay valid until dispatcher_stop. Returns
 * NULL after logging the reason. */
struct dispatcher *dispatcher_start(const struct dispatcher_options *options);

/* Stops the thread and frees the dispatcher. Afterwards nothing is put into a work queue.
 * Accepts NULL. */
void dispatcher_stop(struct dispatcher *dispatcher);

#endif
