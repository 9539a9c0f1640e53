/* What db.c builds on: a libpq connection that is made and talked to without ever blocking for longer
 * than a deadline. Deadlines are in milliseconds of clock_ms. */
#ifndef LIB_DB_DB_LINK_H
#define LIB_DB_DB_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/compiler.h"

/* Connects; NULL when that failed or took longer, which is logged. The name is what pg_stat_activity shows, unless the
 * url says another. */
PGconn *db_link_open(const char *url, const char *name, int64_t deadline_ms);

/* Collects the answer to what was just sent: the last result, to be cleared by the caller, once the server
 * has nothing more to say. NULL when the connection broke or the deadline passed. An earlier result that is
 * an error is returned in place of the last. */
WARN_UNUSED PGresult *db_link_collect(PGconn *connection, int64_t deadline_ms);

/* Why there was no answer or a bad one, for the log. */
const char *db_link_reason(const PGconn *connection, int64_t deadline_ms);

/* Runs SQL without parameters; several commands are one transaction. False is logged with what it was for. */
WARN_UNUSED bool db_link_run(PGconn *connection, const char *sql, const char *purpose, int64_t deadline_ms);

/* True when nothing, or nothing but a notification, has arrived on an idle connection that still stands. */
WARN_UNUSED bool db_link_alive(PGconn *connection);

#endif
