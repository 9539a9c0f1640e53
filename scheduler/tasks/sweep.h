/* Sweeps of database rows: they repeat a statement until it finds no more rows. */
#ifndef SCHEDULER_TASKS_SWEEP_H
#define SCHEDULER_TASKS_SWEEP_H

#include "scheduler/runner/task.h"
#include "scheduler/tasks/scheduler_statements.h"

/* The reason of a sweep that failed because of the database. */
extern const char *const sweep_query_failed;

/* Repeats the kind's statement until it changes fewer than $1 rows, or until the
 * deadline. The statement must change at most $1 rows and return how many it changed.
 * Each one is a transaction. */
void sweep_rows(struct task_context *context, struct task_batch *batch);

#endif
