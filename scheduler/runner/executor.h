/* What a lane's thread does with a batch: has its kind do the tasks, then takes note in their queue of what
 * became of each. No transaction is open while a task is done. Whatever stops it half-way, the claims run out
 * and the tasks are done once more. */
#ifndef SCHEDULER_RUNNER_EXECUTOR_H
#define SCHEDULER_RUNNER_EXECUTOR_H

#include "scheduler/runner/task.h"

void executor_run(struct task_context *context, const char *owner, struct task_batch *batch);

/* Gives all of a batch back that was not begun. */
void executor_release(struct task_context *context, const char *owner, struct task_batch *batch);

#endif
