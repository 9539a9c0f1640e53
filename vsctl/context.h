/* What most subcommands need: the media folder, and the database with the scheduler's
 * role and SQL. */
#ifndef VSCTL_CONTEXT_H
#define VSCTL_CONTEXT_H

#include "scheduler/runner/task.h"

/* Root becomes VS_USER. Without VS_DATABASE_URL, the database is the site's own, which is
 * found through the state folder. On failure it prints the reason and returns NULL. */
struct task_context *context_open(const struct config *config);
void context_close(struct task_context *context);

/* Runs one statement with a time limit of its own. The rows live until the next query. On
 * failure it prints the reason and returns false. */
WARN_UNUSED bool context_query(struct task_context *context, size_t statement, const struct db_params *params,
                               struct db_rows *rows);

/* Prints the heading, then every row of a list statement, and returns the exit status.
 * Column 0 of a row is its id; $1 of the statement is the id after which to start, $2 the
 * number of rows to read per query. If the first query fails, it prints no heading. */
int context_print_table(struct task_context *context, size_t statement, const char *heading,
                        void (*print_row)(const struct db_rows *rows, int row));

/* Prints a column with a time as RFC 3339; 0 means none and is printed as a hyphen. */
void context_print_time(int64_t time_us);

#endif
