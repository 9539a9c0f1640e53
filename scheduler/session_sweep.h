/* The kind of task that removes the rows of sessions that have ended. */
#ifndef SESSION_SWEEP_H
#define SESSION_SWEEP_H

#include "task.h"

void session_sweep(struct task_context *context, struct task_batch *batch);

#endif
