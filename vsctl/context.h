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

/* Prints the heading, then every row of a list statement, and returns the exit status. Column 0
 * of a row is its id; $1 of the statement is the id after which to start, $2 the number of rows
 * to read per query. When the first query fails, the heading is not printed either. */
int context_print_table(struct task_context *context, size_t statement, const char *heading,
                        void (*print_row)(const struct db_rows *rows, int row));

/* Prints a time as RFC 3339; 0, which is none, as a hyphen. */
void context_print_time(int64_t time_us);

#endif
