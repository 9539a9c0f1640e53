/* The kind of task that counts what is in the deletion table, for /metrics. Each daemon does it for itself. */
#ifndef DELETION_COUNT_H
#define DELETION_COUNT_H

#include "task.h"

extern const struct task_queue deletion_count_queue;

void deletion_count(struct task_context *context, struct task_batch *batch);

#endif
