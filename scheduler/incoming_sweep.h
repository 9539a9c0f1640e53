/* The kind of task that removes files that arrived and that nobody has claimed, as a crash leaves them. */
#ifndef INCOMING_SWEEP_H
#define INCOMING_SWEEP_H

#include "task.h"

void incoming_sweep(struct task_context *context, struct task_batch *batch);

#endif
