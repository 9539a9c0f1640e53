/* The kind of task that removes a file: its subject is the key. */
#ifndef FILE_DELETE_H
#define FILE_DELETE_H

#include "task.h"

void file_delete(struct task_context *context, struct task_batch *batch);

#endif
