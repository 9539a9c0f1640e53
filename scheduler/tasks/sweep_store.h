/* The table of sweeps: work that comes again and again. Several daemons share it, so that each sweep is made by
 * one of them at a time. A kind's row comes with its first claim. */
#ifndef SCHEDULER_TASKS_SWEEP_STORE_H
#define SCHEDULER_TASKS_SWEEP_STORE_H

#include "scheduler/runner/task.h"

/* Its batches have one task, whose subject is empty. */
extern const struct task_queue sweep_queue;

#endif
