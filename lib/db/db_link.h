/* Non-blocking libpq with deadlines, for db.c and migrate.c: no call blocks for longer
 * than its deadline, which is a value of clock_ms. */
#ifndef LIB_DB_DB_LINK_H
#define LIB_DB_DB_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/compiler.h"

/* Connects. The name is the application_name unless the URL sets another. Returns NULL on
 * failure or timeout, which is logged; otherwise the caller calls PQfinish. */
PGconn *db_link_open(const char *url, const char *name, int64_t deadline_ms);

/* Waits for all results of what was just sent. Returns the first error, else the last
 * result; the caller calls PQclear. Returns NULL when the connection breaks or the
 * deadline passes. */
WARN_UNUSED PGresult *db_link_collect(PGconn *connection, int64_t deadline_ms);

/* The reason of a failure, for the log: the timeout or libpq's message. */
const char *db_link_reason(const PGconn *connection, int64_t deadline_ms);

/* Runs SQL without parameters; several commands run as one transaction. A failure is
 * logged with its purpose. */
WARN_UNUSED bool db_link_run(PGconn *connection, const char *sql, const char *purpose, int64_t deadline_ms);

/* True when an idle connection is still open. Reads what the server has sent meanwhile,
 * such as notifications. */
WARN_UNUSED bool db_link_alive(PGconn *connection);

#endif
