/* What the subcommands work with that do by hand what the scheduler does by itself: its role in the database, its
 * SQL, and the media folder. */
#ifndef VSCTL_CONTEXT_H
#define VSCTL_CONTEXT_H

#include "scheduler/runner/task.h"

/* Becomes VS_USER when root calls it. Without VS_DATABASE_URL the database is the site's own, found in the state
 * folder. NULL is said on standard error. */
struct task_context *context_open(const struct config *config);
void context_close(struct task_context *context);

/* Runs the statement as a piece of work of its own. False is said on standard error. */
WARN_UNUSED bool context_query(struct task_context *context, size_t statement, const struct db_params *params,
                               struct db_rows *rows);

/* Prints a time as RFC 3339; 0, which is none, as a hyphen. */
void context_print_time(int64_t time_us);

#endif
