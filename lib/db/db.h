/* One connection to PostgreSQL, for one thread, that heals itself.
 *
 * Statements are named in a table and prepared when a connection first needs them. Each one is a transaction of its
 * own, unless it is made in a db_transaction, so a serialization failure or a deadlock repeats the whole of it here. A
 * piece of work (a request, a batch) starts with db_begin: from then on all its statements together have timeout_ms,
 * and their results live as long as the arena. Whatever happens to the server, no call waits longer than that.
 *
 * A write counts as done only when the server said so and the connection was still good afterwards. What was
 * sent and not answered is unknown, and never repeated here; reads are. */
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
    bool read;   /* changes nothing, so it may be repeated when its outcome is unknown */
    bool replan; /* which plan is good depends on the parameters: it is planned anew each time */
};

struct db_options {
    const char *url;  /* libpq connection string */
    const char *role; /* taken on after connecting, and the connection's name */
    const struct db_statement *statements;
    size_t statement_count;
    int timeout_ms;
    const char *channel; /* of LISTEN, or NULL */
    bool async_commit; /* commits don't wait for the disk: for what does no harm when it is done once more */
};

enum db_outcome {
    DB_DONE,
    DB_REFUSED,     /* the server refused it, db_sqlstate says why; nothing was changed */
    DB_UNAVAILABLE, /* no server, or none that could do it just now; nothing was changed */
    DB_UNKNOWN,     /* it was sent, and nobody knows whether it was done */
};

enum { DB_PARAMS_MAX = 12 };

/* Parameters in the order of $1, $2, …. They point to what they were given, which must outlive the query.
 * Zeros are an empty list. */
struct db_params {
    int count;
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX];
    int formats[DB_PARAMS_MAX];
    uint64_t numbers[DB_PARAMS_MAX];
};

/* The SQL must say $n::bigint, ::text and ::bytea (or ::uuid[] and the like for db_bind_literal). */
void db_bind_number(struct db_params *params, int64_t number);
void db_bind_text(struct db_params *params, const char *text, size_t length);
void db_bind_bytes(struct db_params *params, const void *bytes, size_t length);
void db_bind_null(struct db_params *params);
/* A value in PostgreSQL's own text form, NUL-terminated. */
void db_bind_literal(struct db_params *params, const char *text);

/* The rows of a result. */
struct db_rows {
    void *result;
    int count;
};

/* Connects at the first query, not here. The options' texts and table must outlive it. NULL: out of memory. */
struct db *db_create(const struct db_options *options);
void db_destroy(struct db *db);

/* Starts a piece of work. */
void db_begin(struct db *db, struct arena *arena);
/* The same, with another time than timeout_ms. */
void db_begin_within(struct db *db, struct arena *arena, int limit_ms);

/* Runs the statement with that index of the table. rows may be NULL when none are wanted. */
WARN_UNUSED enum db_outcome db_query(struct db *db, size_t statement, const struct db_params *params,
                                     struct db_rows *rows);

/* Statements that are done all or none. run makes them with db_query and says whether they are to be committed. It may
 * be called again from the start: after a serialization failure, a deadlock, or the loss of a connection before the
 * commit. A statement that was refused spoils the transaction, so run must then say no. */
struct db_work {
    bool (*run)(void *argument);
    void *argument;
    bool repeatable; /* also after a commit of unknown outcome: run sees by itself what has been done */
};

/* DB_DONE when it was committed, or when run said no and nothing was changed. */
WARN_UNUSED enum db_outcome db_transaction(struct db *db, const struct db_work *work);

/* The SQLSTATE of the last statement that was refused, "" if there was none. */
const char *db_sqlstate(const struct db *db);

/* SQLSTATEs that stores ask for (PostgreSQL manual, appendix A). */
#define DB_UNIQUE_VIOLATION      "23505"
#define DB_FOREIGN_KEY_VIOLATION "23503"

/* A value of a row; a NULL is "" and 0. Rows come in PostgreSQL's binary form, so the SQL must say ::text for
 * what isn't text, a whole number, a boolean (0 or 1) or a timestamptz. The text has a NUL behind it and lives
 * as long as the arena. */
const char *db_text(const struct db_rows *rows, int row, int column);
/* Its length in bytes. */
size_t db_length(const struct db_rows *rows, int row, int column);
int64_t db_number(const struct db_rows *rows, int row, int column);
/* Microseconds since 1970. */
int64_t db_time_us(const struct db_rows *rows, int row, int column);
WARN_UNUSED bool db_is_null(const struct db_rows *rows, int row, int column);

/* Connects if there is no connection. */
WARN_UNUSED bool db_connect(struct db *db);

/* How many connections have been made so far. Whoever listens has to look by itself after each: what was notified before
 * it, it has not heard. */
unsigned db_connections(const struct db *db);

/* For a poll() on notifications: the socket, -1 when not connected. */
int db_socket(const struct db *db);

/* Takes in what has arrived; true when a notification or the end of the connection was among it. */
WARN_UNUSED bool db_take_notifications(struct db *db);

#endif
