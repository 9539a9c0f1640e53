/* A PostgreSQL connection for one thread, which reconnects by itself.
 *
 * Statements come from a table and are prepared when a connection first uses them. Each
 * statement is its own transaction, except inside db_transaction; after a serialization
 * failure or a deadlock it is retried here. A unit of work (a request, a batch) starts
 * with db_begin: all its statements share one deadline, and their results live as long as
 * its arena. No call waits much longer than the deadline, whatever the server does.
 *
 * A write is done only when the server has confirmed it on a connection that is still
 * good. A write that was sent and not confirmed is DB_UNKNOWN and is not retried; a read
 * is retried. */
#ifndef LIB_DB_DB_H
#define LIB_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/compiler.h"

struct db;

struct db_statement {
    const char *name;
    const char *sql;
    bool read;   /* changes nothing, so it is retried when the connection is lost */
    bool replan; /* never prepared: the best plan depends on the parameters */
};

struct db_options {
    const char *url;  /* libpq connection string */
    const char *role; /* for SET ROLE, and the connection's application_name */
    const struct db_statement *statements;
    size_t statement_count;
    int timeout_ms;      /* the deadline of a unit of work */
    const char *channel; /* for LISTEN, or NULL */
    /* Commits do not wait for the disk. Only for writes that can be lost and repeated
     * safely. */
    bool async_commit;
};

enum db_outcome {
    DB_DONE,
    DB_REFUSED,     /* the server reported an error (db_sqlstate); nothing was changed */
    DB_UNAVAILABLE, /* no server, or no result in time; nothing was changed */
    DB_UNKNOWN,     /* a write was sent and not confirmed: it may have been committed */
};

enum { DB_PARAMS_MAX = 12 };

/* The parameters of a statement, in the order $1, $2, …. A zeroed struct is an empty
 * list. Texts and bytes are not copied, so they must outlive the query. Do not copy the
 * struct: numbers are stored in it, and values point to them. */
struct db_params {
    int count;
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX];
    int formats[DB_PARAMS_MAX];
    uint64_t numbers[DB_PARAMS_MAX];
};

/* Each of these appends a parameter. The SQL must name its type: $n::bigint for a number,
 * ::text for a text, ::bytea for bytes. */
void db_bind_number(struct db_params *params, int64_t number);
void db_bind_text(struct db_params *params, const char *text, size_t length);
void db_bind_bytes(struct db_params *params, const void *bytes, size_t length);
void db_bind_null(struct db_params *params);
/* A NUL-terminated value in PostgreSQL's text format, for any other type, such as
 * $n::uuid[]. */
void db_bind_literal(struct db_params *params, const char *text);

/* The rows of a result, owned by the arena. */
struct db_rows {
    void *result;
    int count;
};

/* Does not connect yet; the first query does. The texts and the table in options must
 * outlive the result. Returns NULL when memory runs out. */
struct db *db_create(const struct db_options *options);

/* Closes the connection and frees db. NULL is allowed. */
void db_destroy(struct db *db);

/* Starts a unit of work: sets its deadline to timeout_ms from now, and the arena that
 * owns its results. It sends nothing to the server. */
void db_begin(struct db *db, struct arena *arena);

/* The same with another limit than timeout_ms. */
void db_begin_within(struct db *db, struct arena *arena, int limit_ms);

/* Runs the statement with that index in the table. params may be NULL when it has none,
 * rows when they are not needed. */
WARN_UNUSED enum db_outcome db_query(struct db *db, size_t statement, const struct db_params *params,
                                     struct db_rows *rows);

/* A transaction of several statements. run calls db_query and returns true to commit,
 * false to roll back. It is called again from the start after a serialization failure, a
 * deadlock, or the loss of the connection before COMMIT. After DB_REFUSED the transaction
 * can only be rolled back, so run must return false. */
struct db_work {
    bool (*run)(void *argument);
    void *argument;
    bool repeatable; /* also call run again after a COMMIT of unknown outcome */
};

/* Runs the transaction. Returns DB_DONE when it was committed, and also when it was
 * rolled back because run returned false: run has to save the outcomes of its statements
 * itself. The other outcomes are those of the transaction as a whole. */
WARN_UNUSED enum db_outcome db_transaction(struct db *db, const struct db_work *work);

/* The SQLSTATE of the last error that the server has reported since db_begin or db_query
 * was last called; "" when there was none. */
const char *db_sqlstate(const struct db *db);

/* SQLSTATEs that stores handle (PostgreSQL manual, appendix A). */
#define DB_UNIQUE_VIOLATION      "23505"
#define DB_FOREIGN_KEY_VIOLATION "23503"

/* Each of these returns a value of a row; NULL is "" and 0. Rows arrive in PostgreSQL's
 * binary format, so the SQL must cast to ::text what is not text, bytea, an integer, a
 * boolean (0 or 1) or a timestamptz. */

/* A NUL-terminated text that lives as long as the arena. */
const char *db_text(const struct db_rows *rows, int row, int column);
/* The length of a text or bytea in bytes. */
size_t db_length(const struct db_rows *rows, int row, int column);
int64_t db_number(const struct db_rows *rows, int row, int column);
/* Microseconds since 1970. */
int64_t db_time_us(const struct db_rows *rows, int row, int column);
WARN_UNUSED bool db_is_null(const struct db_rows *rows, int row, int column);

/* Connects if there is no working connection. Returns false when that fails, or during a
 * back-off after an earlier failure. */
WARN_UNUSED bool db_connect(struct db *db);

/* The number of connections made so far. Notifications that were sent while there was no
 * connection are lost, so a listener must poll for work whenever this has changed. */
unsigned db_connection_count(const struct db *db);

/* The socket to poll() for notifications; -1 when not connected. */
int db_socket(const struct db *db);

/* Reads what has arrived. Returns true when there was a notification or the connection
 * has ended. */
WARN_UNUSED bool db_consume_notifications(struct db *db);

#endif
