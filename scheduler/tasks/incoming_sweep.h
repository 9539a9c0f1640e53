/* The sweep that deletes orphaned files in incoming/, which crashes leave behind. */
#ifndef SCHEDULER_TASKS_INCOMING_SWEEP_H
#define SCHEDULER_TASKS_INCOMING_SWEEP_H

#include "scheduler/runner/task.h"

/* Deletes files older than orphan_age_s seconds that belong to no upload. */
void incoming_sweep(struct task_context *context, struct task_batch *batch);

#endif
