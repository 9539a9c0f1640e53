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

enum {
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 500,
    WAIT_MAX_MS = 75,      /* a request sits out a back-off of this, and is refused in a longer one */
    SLOW_MS = 100,         /* a failure that took longer costs a thread: the back-off grows */
    BACKOFF_SLOW_MS = 200, /* from here on, so that nobody who waited for the thread sits it out, too */
    PROBE_MS = 200,        /* what a server that left a statement unanswered has for a new connection */
    REPEATS_MAX = 3,
    PAUSE_MAX_MS = 20, /* before a repetition, so that those who stood in each other's way don't again */
    TIMEOUT_SLACK_MS = 1000,
    ROWS_BINARY = 1, /* what db_number reads */
};

/* What one attempt at a statement or a transaction came to. */
enum attempt { ATTEMPT_DONE, ATTEMPT_REFUSED, ATTEMPT_LOST, ATTEMPT_REPEAT, ATTEMPT_RECONNECT };

struct db {
    struct db_options options;
    PGconn *connection;
    bool *prepared; /* of each statement: whether the connection has it */
    struct arena *arena;
    int64_t deadline_ms;
    int64_t next_attempt_ms;
    int backoff_ms;
    unsigned seed;
    unsigned connections; /* made so far */
    bool probe; /* a statement had no answer in time: does the server hang, or has just that one to wait? */
    bool in_transaction;
    enum attempt failed; /* ATTEMPT_DONE: the transaction can go on */
    bool warned;         /* a WARNING came: the commit of a write is in doubt */
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

/* Something failed that began at start_ms: says when the next attempt to connect may be. */
static void back_off(struct db *db, int64_t start_ms)
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

/* A cancelled wait for synchronous replication is a success with a warning: not an acknowledgement. */
static void receive_notice(void *argument, const PGresult *notice)
{
    struct db *db = argument;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && strcmp(severity, "WARNING") == 0) {
        db->warned = true;
        log_write(LOG_WARNING, "db_warning", "message=\"%s\"", PQresultErrorMessage(notice));
    }
}

static bool set_up(const struct db *db, PGconn *connection, int64_t deadline_ms)
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

/* When an attempt to connect that begins now has to be over. */
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
        if (set_up(db, connection, deadline_ms)) {
            db->connection = connection;
            db->backoff_ms = BACKOFF_MIN_MS;
            metrics_add(METRIC_DB_RECONNECTS, db->connections > 0);
            db->connections++;
            log_write(LOG_INFO, "db_connected", "role=%s us=%lld", db->options.role,
                      (long long)(clock_ms() - start) * 1000);
            return true;
        }
        PQfinish(connection);
    }
    back_off(db, start);
    return false;
}

static enum attempt classify(const char *sqlstate)
{
    static const struct {
        const char *sqlstate;
        enum attempt attempt;
    } table[] = {
        {"40001", ATTEMPT_REPEAT},    /* serialization_failure */
        {"40P01", ATTEMPT_REPEAT},    /* deadlock_detected */
        {"25006", ATTEMPT_RECONNECT}, /* read_only_sql_transaction: the primary is elsewhere now */
        {"26000", ATTEMPT_RECONNECT}, /* invalid_sql_statement_name: a pooler forgot it */
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

static enum attempt refuse(struct db *db, const struct db_statement *statement, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(db->sqlstate, sizeof db->sqlstate, "%s", sqlstate ? sqlstate : "");
    enum attempt attempt = sqlstate ? classify(sqlstate) : ATTEMPT_LOST;
    bool integrity = strncmp(db->sqlstate, "23", 2) == 0; /* the store knows what that means */
    log_write(integrity ? LOG_INFO : LOG_WARNING, "db_refused", "statement=%s sqlstate=%s reason=\"%s\"",
              statement->name, db->sqlstate, PQresultErrorMessage(result));
    return attempt;
}

static PGresult *collect(struct db *db, bool sent)
{
    return sent ? db_link_collect(db->connection, db->deadline_ms) : NULL;
}

/* Runs the statement, which the server is told of when the connection has it for the first time: a program has many
 * connections, and each of them uses few statements. The result, also when it is that of the telling which failed. */
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

/* Whether a statement that the server calls done is: a write outside of a transaction was committed by it. */
static bool is_sure(const struct db *db, const struct db_statement *statement)
{
    if (db->in_transaction)
        return PQtransactionStatus(db->connection) == PQTRANS_INTRANS;
    return statement->read || (!db->warned && PQtransactionStatus(db->connection) == PQTRANS_IDLE);
}

static enum attempt attempt_once(struct db *db, const struct db_statement *statement,
                                 const struct db_params *params, PGresult **out)
{
    db->warned = false;
    PGresult *result = execute(db, statement, params);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        if (is_sure(db, statement)) {
            *out = result;
            return ATTEMPT_DONE;
        }
        PQclear(result);
        return ATTEMPT_LOST;
    }
    enum attempt attempt = result ? refuse(db, statement, result) : ATTEMPT_LOST;
    PQclear(result);
    return attempt;
}

/* Before a repeat, so that those who were in each other's way aren't again. */
static void pause_briefly(struct db *db)
{
    poll(NULL, 0, 1 + rand_r(&db->seed) % PAUSE_MAX_MS);
}

/* Attempts until it is clear what became of the statement. */
static enum db_outcome run(struct db *db, const struct db_statement *statement,
                           const struct db_params *params, PGresult **result)
{
    for (int i = 0; i <= REPEATS_MAX && clock_left_ms(db->deadline_ms) > 0; i++) {
        /* A write on a connection that has died would be of unknown outcome; a read is just repeated. */
        if (!(statement->read && db->connection) && !db_connect(db))
            return DB_UNAVAILABLE;
        switch (attempt_once(db, statement, params, result)) {
        case ATTEMPT_DONE: return DB_DONE;
        case ATTEMPT_REFUSED: return DB_REFUSED;
        case ATTEMPT_REPEAT: pause_briefly(db); continue;
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
    return DB_UNAVAILABLE; /* each time for a reason that passes */
}

/* Of a transaction nothing is repeated but the whole. */
static enum db_outcome run_in_transaction(struct db *db, const struct db_statement *statement,
                                          const struct db_params *params, PGresult **result)
{
    if (db->failed != ATTEMPT_DONE)
        return DB_UNAVAILABLE;
    enum attempt attempt = attempt_once(db, statement, params, result);
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
    enum db_outcome outcome = (db->in_transaction ? run_in_transaction : run)(
        db, &db->options.statements[statement], params ? params : &none, &result);
    if (outcome == DB_DONE) {
        arena_defer(db->arena, clear_result, result);
        if (rows)
            *rows = (struct db_rows){.result = result, .count = PQntuples(result)};
    }
    return outcome;
}

/* BEGIN, COMMIT or ROLLBACK. */
static enum attempt control(struct db *db, const char *command)
{
    static const struct db_params none;
    const struct db_statement statement = {.name = command, .sql = command, .replan = true};
    PGresult *result = NULL;
    enum attempt attempt = attempt_once(db, &statement, &none, &result);
    /* The COMMIT of a transaction that a refused statement has failed is a ROLLBACK. */
    if (attempt == ATTEMPT_DONE && strcmp(PQcmdStatus(result), command) != 0)
        attempt = ATTEMPT_REFUSED;
    PQclear(result);
    return attempt;
}

/* Nothing was committed, unless *committing is set: then that is what came to this. */
static enum attempt transact_once(struct db *db, const struct db_work *work, bool *committing)
{
    *committing = false;
    db->failed = ATTEMPT_DONE;
    db->in_transaction = true;
    enum attempt attempt = control(db, "BEGIN");
    bool commit = attempt == ATTEMPT_DONE && work->run(work->argument);
    db->in_transaction = false;
    if (attempt == ATTEMPT_DONE)
        attempt = db->failed;
    if (attempt == ATTEMPT_DONE && commit) {
        *committing = true;
        return control(db, "COMMIT");
    }
    if (attempt != ATTEMPT_LOST && control(db, "ROLLBACK") != ATTEMPT_DONE)
        disconnect(db);
    return attempt;
}

enum db_outcome db_transaction(struct db *db, const struct db_work *work)
{
    bool committing, unknown = false;
    for (int i = 0; i <= REPEATS_MAX && db_connect(db); i++) {
        switch (transact_once(db, work, &committing)) {
        case ATTEMPT_DONE: return DB_DONE;
        case ATTEMPT_REFUSED: return DB_REFUSED;
        case ATTEMPT_REPEAT: pause_briefly(db); continue;
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

unsigned db_connections(const struct db *db)
{
    return db->connections;
}

int db_socket(const struct db *db)
{
    return db->connection ? PQsocket(db->connection) : -1;
}

bool db_take_notifications(struct db *db)
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
