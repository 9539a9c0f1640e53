/* The table of sweeps, which are periodic tasks. Daemons that share it run each sweep one
 * at a time. The row of a sweep is inserted when it is leased for the first time. */
#ifndef SCHEDULER_TASKS_SWEEP_STORE_H
#define SCHEDULER_TASKS_SWEEP_STORE_H

#include "scheduler/runner/task.h"

/* Its batches have one task with an empty subject. */
extern const struct task_queue sweep_queue;

#endif
