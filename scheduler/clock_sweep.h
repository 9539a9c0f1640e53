/* The kind of task that repairs what a clock that was set back has put far off: the next attempt at a deletion
 * that failed. Nothing else depends on the clock for longer than a lease. */
#ifndef CLOCK_SWEEP_H
#define CLOCK_SWEEP_H

#include "task.h"

void clock_sweep(struct task_context *context, struct task_batch *batch);

#endif
