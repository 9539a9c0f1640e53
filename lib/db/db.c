#include "lib/db/db.h"

#include <endian.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/db/db_link.h"
#include "lib/metrics/metrics.h"

/* The back-off after a failure to connect (half of it plus jitter) is BACKOFF_MIN_MS when
 * the failure was fast. A failure slower than SLOW_MS has blocked a thread: then the
 * back-off starts at BACKOFF_SLOW_MS and doubles up to BACKOFF_MAX_MS. A request waits
 * for a back-off of up to WAIT_MAX_MS; during a longer one, such as any after a slow
 * failure, it fails. */
enum {
    BACKOFF_MIN_MS = 50,
    BACKOFF_SLOW_MS = 200,
    BACKOFF_MAX_MS = 500,
    SLOW_MS = 100,
    WAIT_MAX_MS = 75,
    PROBE_MS = 200, /* to connect to a server that has not answered in time */
    RETRIES_MAX = 3,
    RETRY_DELAY_MAX_MS = 20,
    TIMEOUT_SLACK_MS = 1000, /* statement_timeout exceeds timeout_ms by this */
    ROWS_BINARY = 1,
};

/* The outcome of one attempt at a statement or a transaction. */
enum attempt {
    ATTEMPT_DONE,
    ATTEMPT_REFUSED,
    ATTEMPT_LOST,      /* the connection is broken or silent: the outcome is unknown */
    ATTEMPT_RETRY,     /* rolled back; the same connection can try again */
    ATTEMPT_RECONNECT, /* rolled back; a new connection can try again */
};

struct db {
    struct db_options options;
    PGconn *connection;
    bool *prepared; /* for each statement: the connection has prepared it */
    struct arena *arena;
    int64_t deadline_ms;
    int64_t next_attempt_ms;
    int backoff_ms;
    unsigned seed;
    unsigned connection_count;
    bool probe; /* the server may hang: the next connect gets PROBE_MS */
    bool in_transaction;
    enum attempt failed; /* why the transaction cannot continue; ATTEMPT_DONE: it can */
    bool warned;         /* the server sent a WARNING: the commit may not be confirmed */
    char sqlstate[6];
};

struct db *db_create(const struct db_options *options)
{
    struct db *db = calloc(1, sizeof *db);
    if (!db)
        return NULL;
    db->options = *options;
    db->prepared = calloc(options->statement_count, sizeof *db->prepared);
    if (!db->prepared) {
        free(db);
        return NULL;
    }
    db->backoff_ms = BACKOFF_MIN_MS;
    db->seed = (unsigned)clock_us() ^ (unsigned)(uintptr_t)db;
    return db;
}

void db_destroy(struct db *db)
{
    if (!db)
        return;
    PQfinish(db->connection);
    free(db->prepared);
    free(db);
}

void db_begin_within(struct db *db, struct arena *arena, int limit_ms)
{
    db->arena = arena;
    db->deadline_ms = clock_ms() + limit_ms;
    db->sqlstate[0] = '\0';
}

void db_begin(struct db *db, struct arena *arena)
{
    db_begin_within(db, arena, db->options.timeout_ms);
}

const char *db_sqlstate(const struct db *db)
{
    return db->sqlstate;
}

static void disconnect(struct db *db)
{
    PQfinish(db->connection);
    db->connection = NULL;
    memset(db->prepared, false, db->options.statement_count * sizeof *db->prepared);
}

/* Sets the time of the next attempt to connect, after a failure that started at
 * start_ms. */
static void schedule_reconnect(struct db *db, int64_t start_ms)
{
    int64_t now = clock_ms();
    if (now - start_ms <= SLOW_MS)
        db->backoff_ms = BACKOFF_MIN_MS;
    else if (db->backoff_ms < BACKOFF_SLOW_MS)
        db->backoff_ms = BACKOFF_SLOW_MS;
    else if (db->backoff_ms < BACKOFF_MAX_MS / 2)
        db->backoff_ms *= 2;
    else
        db->backoff_ms = BACKOFF_MAX_MS;
    int jitter = rand_r(&db->seed) % db->backoff_ms;
    db->next_attempt_ms = now + db->backoff_ms / 2 + jitter;
}

/* A commit whose wait for synchronous replication was cancelled succeeds with a WARNING.
 * It is not confirmed. */
static void receive_notice(void *argument, const PGresult *notice)
{
    struct db *db = argument;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && strcmp(severity, "WARNING") == 0) {
        db->warned = true;
        log_write(LOG_WARNING, "db_warning", "message=\"%s\"", PQresultErrorMessage(notice));
    }
}

static bool apply_session_settings(const struct db *db, PGconn *connection, int64_t deadline_ms)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SET ROLE %s; SET statement_timeout = %d%s", db->options.role,
             db->options.timeout_ms + TIMEOUT_SLACK_MS,
             db->options.async_commit ? "; SET synchronous_commit = off" : "");
    if (!db_link_run(connection, sql, "session settings", deadline_ms))
        return false;
    if (!db->options.channel)
        return true;
    snprintf(sql, sizeof sql, "LISTEN %s", db->options.channel);
    return db_link_run(connection, sql, "LISTEN", deadline_ms);
}

/* The deadline of an attempt to connect that starts now. */
static int64_t connect_deadline_ms(struct db *db)
{
    int64_t probe_ms = clock_ms() + PROBE_MS;
    bool probe = db->probe && probe_ms < db->deadline_ms;
    db->probe = false;
    return probe ? probe_ms : db->deadline_ms;
}

bool db_connect(struct db *db)
{
    if (db->connection && db_link_alive(db->connection))
        return true;
    disconnect(db);
    int64_t start = clock_ms();
    if (db->next_attempt_ms - start > WAIT_MAX_MS)
        return false;
    if (db->next_attempt_ms > start)
        poll(NULL, 0, (int)(db->next_attempt_ms - start));
    start = clock_ms();
    int64_t deadline_ms = connect_deadline_ms(db);
    PGconn *connection = db_link_open(db->options.url, db->options.role, deadline_ms);
    if (connection) {
        PQsetNoticeReceiver(connection, receive_notice, db);
        if (apply_session_settings(db, connection, deadline_ms)) {
            db->connection = connection;
            db->backoff_ms = BACKOFF_MIN_MS;
            metrics_add(METRIC_DB_RECONNECTS, db->connection_count > 0);
            db->connection_count++;
            log_write(LOG_INFO, "db_connected", "role=%s us=%lld", db->options.role,
                      (long long)(clock_ms() - start) * 1000);
            return true;
        }
        PQfinish(connection);
    }
    schedule_reconnect(db, start);
    return false;
}

static enum attempt classify(const char *sqlstate)
{
    static const struct {
        const char *sqlstate;
        enum attempt attempt;
    } table[] = {
        {"40001", ATTEMPT_RETRY},     /* serialization_failure */
        {"40P01", ATTEMPT_RETRY},     /* deadlock_detected */
        {"25006", ATTEMPT_RECONNECT}, /* read_only_sql_transaction: failover */
        {"26000", ATTEMPT_RECONNECT}, /* invalid_sql_statement_name: a pooler lost it */
        {"57P01", ATTEMPT_LOST},      /* admin_shutdown */
        {"57P02", ATTEMPT_LOST},      /* crash_shutdown */
    };
    if (strncmp(sqlstate, "08", 2) == 0) /* connection_exception */
        return ATTEMPT_LOST;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(sqlstate, table[i].sqlstate) == 0)
            return table[i].attempt;
    return ATTEMPT_REFUSED;
}

static enum attempt handle_error(struct db *db, const struct db_statement *statement, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(db->sqlstate, sizeof db->sqlstate, "%s", sqlstate ? sqlstate : "");
    enum attempt attempt = sqlstate ? classify(sqlstate) : ATTEMPT_LOST;
    bool integrity = strncmp(db->sqlstate, "23", 2) == 0; /* stores expect these */
    log_write(integrity ? LOG_INFO : LOG_WARNING, "db_refused", "statement=%s sqlstate=%s reason=\"%s\"",
              statement->name, db->sqlstate, PQresultErrorMessage(result));
    return attempt;
}

static PGresult *collect(struct db *db, bool sent)
{
    return sent ? db_link_collect(db->connection, db->deadline_ms) : NULL;
}

/* Runs the statement, and prepares it first if the connection has not done so. Preparing
 * lazily saves work, since each of a program's many connections uses few statements.
 * Returns the result, which is that of the preparation when it failed. */
static PGresult *execute(struct db *db, const struct db_statement *statement, const struct db_params *params)
{
    if (statement->replan)
        return collect(db, PQsendQueryParams(db->connection, statement->sql, params->count, NULL,
                                             params->values, params->lengths, params->formats, ROWS_BINARY));
    bool *prepared = &db->prepared[statement - db->options.statements];
    if (!*prepared) {
        PGresult *result =
            collect(db, PQsendPrepare(db->connection, statement->name, statement->sql, 0, NULL));
        *prepared = PQresultStatus(result) == PGRES_COMMAND_OK;
        if (!*prepared)
            return result;
        PQclear(result);
    }
    return collect(db, PQsendQueryPrepared(db->connection, statement->name, params->count, params->values,
                                           params->lengths, params->formats, ROWS_BINARY));
}

/* True when the server's success is final: the transaction is still open, or a write
 * outside a transaction was committed without a warning. */
static bool is_confirmed(const struct db *db, const struct db_statement *statement)
{
    if (db->in_transaction)
        return PQtransactionStatus(db->connection) == PQTRANS_INTRANS;
    return statement->read || (!db->warned && PQtransactionStatus(db->connection) == PQTRANS_IDLE);
}

static enum attempt attempt_statement(struct db *db, const struct db_statement *statement,
                                      const struct db_params *params, PGresult **out)
{
    db->warned = false;
    PGresult *result = execute(db, statement, params);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        if (is_confirmed(db, statement)) {
            *out = result;
            return ATTEMPT_DONE;
        }
        PQclear(result);
        return ATTEMPT_LOST;
    }
    enum attempt attempt = result ? handle_error(db, statement, result) : ATTEMPT_LOST;
    PQclear(result);
    return attempt;
}

/* A random delay, so that transactions that conflicted do not conflict again. */
static void delay_retry(struct db *db)
{
    poll(NULL, 0, 1 + rand_r(&db->seed) % RETRY_DELAY_MAX_MS);
}

/* Runs the statement as a transaction of its own, with retries. */
static enum db_outcome run_alone(struct db *db, const struct db_statement *statement,
                                 const struct db_params *params, PGresult **result)
{
    for (int i = 0; i <= RETRIES_MAX && clock_left_ms(db->deadline_ms) > 0; i++) {
        /* Check the connection before a write: sent on a dead one, its outcome would be
         * unknown. A read skips the check, since it can be retried. */
        if (!(statement->read && db->connection) && !db_connect(db))
            return DB_UNAVAILABLE;
        switch (attempt_statement(db, statement, params, result)) {
        case ATTEMPT_DONE: return DB_DONE;
        case ATTEMPT_REFUSED: return DB_REFUSED;
        case ATTEMPT_RETRY: delay_retry(db); continue;
        case ATTEMPT_RECONNECT: disconnect(db); continue;
        case ATTEMPT_LOST: break;
        }
        db->probe = clock_left_ms(db->deadline_ms) == 0;
        log_write(LOG_WARNING, "db_connection_lost", "statement=%s reason=\"%s\"", statement->name,
                  db_link_reason(db->connection, db->deadline_ms));
        disconnect(db);
        if (!statement->read)
            return DB_UNKNOWN;
        if (db->probe)
            return DB_UNAVAILABLE;
    }
    return DB_UNAVAILABLE;
}

/* Runs the statement in the open transaction, without retries: only the whole transaction
 * can be retried. */
static enum db_outcome run_in_transaction(struct db *db, const struct db_statement *statement,
                                          const struct db_params *params, PGresult **result)
{
    if (db->failed != ATTEMPT_DONE)
        return DB_UNAVAILABLE;
    enum attempt attempt = attempt_statement(db, statement, params, result);
    if (attempt == ATTEMPT_DONE)
        return DB_DONE;
    if (attempt == ATTEMPT_REFUSED)
        return DB_REFUSED;
    db->failed = attempt;
    return DB_UNAVAILABLE;
}

static void clear_result(void *result)
{
    PQclear(result);
}

enum db_outcome db_query(struct db *db, size_t statement, const struct db_params *params,
                         struct db_rows *rows)
{
    static const struct db_params none;
    PGresult *result = NULL;
    db->sqlstate[0] = '\0';
    enum db_outcome outcome = (db->in_transaction ? run_in_transaction : run_alone)(
        db, &db->options.statements[statement], params ? params : &none, &result);
    if (outcome == DB_DONE) {
        arena_defer(db->arena, clear_result, result);
        if (rows)
            *rows = (struct db_rows){.result = result, .count = PQntuples(result)};
    }
    return outcome;
}

/* Runs BEGIN, COMMIT or ROLLBACK. */
static enum attempt run_command(struct db *db, const char *command)
{
    static const struct db_params none;
    const struct db_statement statement = {.name = command, .sql = command, .replan = true};
    PGresult *result = NULL;
    enum attempt attempt = attempt_statement(db, &statement, &none, &result);
    /* The server answers ROLLBACK to the COMMIT of a transaction in which a statement
     * failed. */
    if (attempt == ATTEMPT_DONE && strcmp(PQcmdStatus(result), command) != 0)
        attempt = ATTEMPT_REFUSED;
    PQclear(result);
    return attempt;
}

/* Makes one attempt at the transaction. *committing tells whether COMMIT was sent;
 * otherwise nothing was committed. */
static enum attempt attempt_transaction(struct db *db, const struct db_work *work, bool *committing)
{
    *committing = false;
    db->failed = ATTEMPT_DONE;
    db->in_transaction = true;
    enum attempt attempt = run_command(db, "BEGIN");
    bool commit = attempt == ATTEMPT_DONE && work->run(work->argument);
    db->in_transaction = false;
    if (attempt == ATTEMPT_DONE)
        attempt = db->failed;
    if (attempt == ATTEMPT_DONE && commit) {
        *committing = true;
        return run_command(db, "COMMIT");
    }
    if (attempt != ATTEMPT_LOST && run_command(db, "ROLLBACK") != ATTEMPT_DONE)
        disconnect(db);
    return attempt;
}

enum db_outcome db_transaction(struct db *db, const struct db_work *work)
{
    bool committing, unknown = false;
    for (int i = 0; i <= RETRIES_MAX && db_connect(db); i++) {
        switch (attempt_transaction(db, work, &committing)) {
        case ATTEMPT_DONE: return DB_DONE;
        case ATTEMPT_REFUSED: return DB_REFUSED;
        case ATTEMPT_RETRY: delay_retry(db); continue;
        case ATTEMPT_RECONNECT: disconnect(db); continue;
        case ATTEMPT_LOST: break;
        }
        db->probe = clock_left_ms(db->deadline_ms) == 0;
        log_write(LOG_WARNING, "db_connection_lost", "transaction=%s reason=\"%s\"",
                  committing ? "committing" : "open",
                  db->probe ? "no answer in time" : PQerrorMessage(db->connection));
        disconnect(db);
        unknown = unknown || committing;
        if (db->probe || (committing && !work->repeatable))
            break;
    }
    return unknown ? DB_UNKNOWN : DB_UNAVAILABLE;
}

unsigned db_connection_count(const struct db *db)
{
    return db->connection_count;
}

int db_socket(const struct db *db)
{
    return db->connection ? PQsocket(db->connection) : -1;
}

bool db_consume_notifications(struct db *db)
{
    bool any = false;
    PGnotify *notification;
    if (!db->connection)
        return false;
    if (!db_link_alive(db->connection)) {
        disconnect(db);
        return true;
    }
    while ((notification = PQnotifies(db->connection))) {
        PQfreemem(notification);
        any = true;
    }
    return any;
}
