/* The kind of task that deletes a media file. Its subject is the key. */
#ifndef SCHEDULER_TASKS_FILE_DELETE_H
#define SCHEDULER_TASKS_FILE_DELETE_H

#include "scheduler/runner/task.h"

/* Unlinks the files of the batch, then makes that durable. A file that is gone already
 * counts as deleted. */
void file_delete(struct task_context *context, struct task_batch *batch);

#endif
