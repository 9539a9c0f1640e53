/* The kind of task that forgets deleted videos that can't be brought back any more. */
#ifndef TRASH_SWEEP_H
#define TRASH_SWEEP_H

#include "task.h"

void trash_sweep(struct task_context *context, struct task_batch *batch);

#endif
