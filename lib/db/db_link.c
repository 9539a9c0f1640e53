#include "lib/db/db_link.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

/* Waits for one of the events. Returns false when the deadline passes. */
static bool wait_for(PGconn *connection, short events, int64_t deadline_ms)
{
    struct pollfd poll_fd = {.fd = PQsocket(connection), .events = events};
    int ready;
    do
        ready = poll(&poll_fd, 1, clock_left_ms(deadline_ms));
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

PGconn *db_link_open(const char *url, const char *name, int64_t deadline_ms)
{
    const char *const names[] = {"dbname", "client_encoding", "fallback_application_name", NULL};
    const char *const values[] = {url, "UTF8", name, NULL};
    PGconn *connection = PQconnectStartParams(names, values, 1);
    bool in_time = true;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (connection && in_time && PQstatus(connection) != CONNECTION_BAD &&
           (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING)) {
        in_time = wait_for(connection, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms);
        if (in_time)
            state = PQconnectPoll(connection);
    }
    if (connection && state == PGRES_POLLING_OK && PQsetnonblocking(connection, 1) == 0)
        return connection;
    log_write(LOG_WARNING, "db_connect_failed", "reason=\"%s\"",
              !connection ? "out of memory"
              : in_time   ? PQerrorMessage(connection)
                          : "no answer in time");
    PQfinish(connection);
    return NULL;
}

/* Sends all queued data, and reads meanwhile, as the documentation of PQflush
 * requires. */
static bool flush(PGconn *connection, int64_t deadline_ms)
{
    int left;
    while ((left = PQflush(connection)) > 0) {
        if (!wait_for(connection, POLLIN | POLLOUT, deadline_ms) || !PQconsumeInput(connection))
            return false;
    }
    return left == 0;
}

PGresult *db_link_collect(PGconn *connection, int64_t deadline_ms)
{
    PGresult *last = NULL;
    if (!flush(connection, deadline_ms))
        return NULL;
    for (;;) {
        while (PQisBusy(connection)) {
            if (!wait_for(connection, POLLIN, deadline_ms) || !PQconsumeInput(connection)) {
                PQclear(last);
                return NULL;
            }
        }
        PGresult *result = PQgetResult(connection);
        if (!result)
            break;
        if (last && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(result);
            continue;
        }
        PQclear(last);
        last = result;
    }
    if (PQstatus(connection) == CONNECTION_BAD) {
        PQclear(last);
        return NULL;
    }
    return last;
}

const char *db_link_reason(const PGconn *connection, int64_t deadline_ms)
{
    return clock_left_ms(deadline_ms) == 0 ? "no answer in time" : PQerrorMessage(connection);
}

bool db_link_run(PGconn *connection, const char *sql, const char *purpose, int64_t deadline_ms)
{
    PGresult *result = NULL;
    if (PQsendQuery(connection, sql))
        result = db_link_collect(connection, deadline_ms);
    ExecStatusType status = PQresultStatus(result);
    bool done = result && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
    if (!done)
        log_write(result ? LOG_ERROR : LOG_WARNING, "db_failed", "purpose=\"%s\" sqlstate=%s reason=\"%s\"",
                  purpose, result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : "none",
                  db_link_reason(connection, deadline_ms));
    PQclear(result);
    return done;
}

bool db_link_alive(PGconn *connection)
{
    struct pollfd poll_fd = {.fd = PQsocket(connection), .events = POLLIN};
    /* The first read may get the server's last message; only the next one sees the end of
     * file. */
    while (PQstatus(connection) != CONNECTION_BAD && poll(&poll_fd, 1, 0) != 0)
        if (!PQconsumeInput(connection))
            return false;
    return PQstatus(connection) != CONNECTION_BAD;
}
