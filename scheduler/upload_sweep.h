/* The kind of task that removes the rows of uploads that were not gone on with in time. Their files then belong to
 * nobody and go with incoming_sweep. */
#ifndef UPLOAD_SWEEP_H
#define UPLOAD_SWEEP_H

#include "task.h"

void upload_sweep(struct task_context *context, struct task_batch *batch);

#endif
