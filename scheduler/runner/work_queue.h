/* A work queue: a bounded queue of batches and the executor threads that run them.
 *
 * The dispatcher is its only producer. A batch in it is registered in leases until it has
 * been run. */
#ifndef SCHEDULER_RUNNER_WORK_QUEUE_H
#define SCHEDULER_RUNNER_WORK_QUEUE_H

#include "scheduler/runner/leases.h"
#include "scheduler/runner/task.h"

struct work_queue;

struct work_queue_options {
    int executors;
    const struct config *config;
    const struct media *media;
    const struct db_options *db;
    const char *owner;
    struct leases *leases;
    /* An eventfd, written to whenever a batch has been taken. Nonblocking. */
    int wake_fd;
};

/* Starts the threads. The options' pointers must stay valid until work_queue_join.
 * Returns NULL after logging the reason. */
struct work_queue *work_queue_start(const struct work_queue_options *options);

/* Returns whether a batch can be added without waiting. Only for the producer. */
WARN_UNUSED bool work_queue_has_room(const struct work_queue *work_queue);

/* Adds a batch, allocated with malloc, which then belongs to the work queue. Call
 * work_queue_has_room first. */
void work_queue_put(struct work_queue *work_queue, struct task_batch *batch);

/* Stops starting batches; running ones have FINISH_MS to finish. Does not wait. */
void work_queue_stop(struct work_queue *work_queue);

/* Waits for running batches, releases the leases of all others, and frees the work queue.
 * Call work_queue_stop first; otherwise the others are run, too. Accepts NULL. */
void work_queue_join(struct work_queue *work_queue);

#endif
