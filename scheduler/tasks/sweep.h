/* What sweeps have in common: they do a statement again and again until it finds no more. */
#ifndef SCHEDULER_TASKS_SWEEP_H
#define SCHEDULER_TASKS_SWEEP_H

#include "scheduler/runner/task.h"
#include "scheduler/tasks/scheduler_statements.h"

/* What a sweep says when the database did not answer, or refused. */
extern const char *const sweep_database_failed;

/* The kind of task that runs its kind's statement, which changes at most $1 rows and returns how many
 * it has changed, until it changes fewer; and sets the state of the batch's one task. */
void sweep_rows(struct task_context *context, struct task_batch *batch);

#endif
