/* The kind of task that removes a file: its subject is the key. */
#ifndef SCHEDULER_TASKS_FILE_DELETE_H
#define SCHEDULER_TASKS_FILE_DELETE_H

#include "scheduler/runner/task.h"

void file_delete(struct task_context *context, struct task_batch *batch);

#endif
