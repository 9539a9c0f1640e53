/* What sweeps have in common: they do a statement again and again until it finds no more. */
#ifndef SWEEP_H
#define SWEEP_H

#include "statements.h"
#include "task.h"

/* What a sweep says when the database did not answer, or refused. */
extern const char *const sweep_database_failed;

/* Does the statement, which returns how many rows it has changed and takes at most $1 of them, until it changes
 * fewer; and sets the state of the batch's one task. */
void sweep_rows(struct task_context *context, struct task_batch *batch, enum statement statement);

#endif
