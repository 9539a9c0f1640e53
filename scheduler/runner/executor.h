/* What an executor thread does with a batch: runs the tasks, then records the result of
 * each in their queue.
 *
 * No transaction is open while tasks run. If the daemon dies half-way, the leases expire
 * and the tasks are run again. */
#ifndef SCHEDULER_RUNNER_EXECUTOR_H
#define SCHEDULER_RUNNER_EXECUTOR_H

#include "scheduler/runner/task.h"

/* Runs the batch and records which tasks are done and which failed. Tasks that were not
 * started are released. A failure to record is logged, and the leases expire. */
void executor_run(struct task_context *context, const char *owner, struct task_batch *batch);

/* Releases the leases of all tasks that were not started. */
void executor_release(struct task_context *context, const char *owner, struct task_batch *batch);

#endif
