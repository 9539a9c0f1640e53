/* The kind of task that removes files that arrived and that nobody has claimed, as a crash leaves them. */
#ifndef SCHEDULER_TASKS_INCOMING_SWEEP_H
#define SCHEDULER_TASKS_INCOMING_SWEEP_H

#include "scheduler/runner/task.h"

void incoming_sweep(struct task_context *context, struct task_batch *batch);

#endif
