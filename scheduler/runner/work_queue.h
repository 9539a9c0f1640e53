/* A lane: a bounded queue of batches, and its executors, threads each of which does them one after the other. */
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
    struct leases *leases; /* those of the batches that are in the lane */
    int wake_fd;           /* an eventfd that is written to whenever there is room again */
};

/* Starts the threads. NULL is logged. */
struct work_queue *work_queue_start(const struct work_queue_options *options);

/* True when a batch can be put in without waiting. Only the one producer may ask. */
WARN_UNUSED bool work_queue_has_room(const struct work_queue *work_queue);

/* Puts a batch from malloc in, which is the lane's from then on. There must be room. */
void work_queue_put(struct work_queue *work_queue, struct task_batch *batch);

/* From now on nothing new is begun; what runs has a short while left. */
void work_queue_stop(struct work_queue *work_queue);

/* Waits for the end of what runs, gives all other claims back, and frees the lane. */
void work_queue_join(struct work_queue *work_queue);

#endif
