#include "lib/db/migrate.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/db/db_link.h"

enum {
    TIMEOUT_MS = 10 * 1000,
    ATTEMPT_MS = 5 * 1000,
    RETRY_EVERY_MS = 250,
    STEP_MS = 3600 * 1000, /* for an index on a large table, or the lock */
};

static PGconn *connect_with_retries(const char *url)
{
    int64_t deadline_ms = clock_ms() + TIMEOUT_MS;
    for (;;) {
        PGconn *connection = db_link_open(url, "video_migration", clock_ms() + ATTEMPT_MS);
        if (connection || clock_left_ms(deadline_ms) == 0)
            return connection;
        poll(NULL, 0, RETRY_EVERY_MS);
    }
}

/* Copies the only value of a query's only row into value. A failure is logged. */
static bool query_value(PGconn *connection, const char *sql, char *value, size_t size)
{
    PGresult *result = NULL;
    if (PQsendQuery(connection, sql))
        result = db_link_collect(connection, clock_ms() + STEP_MS);
    bool any = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    if (any)
        snprintf(value, size, "%s", PQgetvalue(result, 0, 0));
    else
        log_write(LOG_ERROR, "migration_failed", "reason=\"%s\"", PQerrorMessage(connection));
    PQclear(result);
    return any;
}

static bool is_utf8(PGconn *connection)
{
    char encoding[32];
    if (!query_value(connection, "SHOW server_encoding", encoding, sizeof encoding))
        return false;
    if (strcmp(encoding, "UTF8") == 0)
        return true;
    log_write(LOG_ERROR, "migration_failed",
              "reason=\"the database's encoding is %s; create the database with UTF8\"", encoding);
    return false;
}

/* The state of the database's schema. */
struct schema {
    int newest;    /* the highest version; 0 for an empty database */
    bool complete; /* all of this program's migrations are applied */
};

/* Fails when another migration has that version: then the database belongs to another
 * product, or to a development version from before the first release. */
static bool is_applied(PGconn *connection, const struct migration *migration, bool *applied)
{
    char sql[128], name[128];
    snprintf(sql, sizeof sql, "SELECT coalesce(max(name), '') FROM schema_migrations WHERE version = %d",
             migration->version);
    if (!query_value(connection, sql, name, sizeof name))
        return false;
    *applied = *name;
    if (!*name || strcmp(name, migration->name) == 0)
        return true;
    log_write(LOG_ERROR, "migration_failed",
              "reason=\"the database has another migration %d (%s) than this program (%s);"
              " use another database\"",
              migration->version, name, migration->name);
    return false;
}

static bool read_schema(PGconn *connection, struct schema *schema)
{
    char text[32];
    *schema = (struct schema){0};
    if (!query_value(connection, "SELECT to_regclass('schema_migrations') IS NOT NULL", text, sizeof text))
        return false;
    if (strcmp(text, "t") != 0)
        return true;
    if (!query_value(connection, "SELECT coalesce(max(version), 0) FROM schema_migrations", text,
                     sizeof text))
        return false;
    schema->newest = (int)strtol(text, NULL, 10);
    schema->complete = true;
    for (int i = 0; i < migration_count; i++) {
        bool applied;
        if (!is_applied(connection, &migrations[i], &applied))
            return false;
        schema->complete = schema->complete && applied;
    }
    return true;
}

/* Reads the schema's state. Fails when the schema is newer than this program. */
static bool check_schema(PGconn *connection, struct schema *schema)
{
    int known = migrations[migration_count - 1].version;
    if (!read_schema(connection, schema))
        return false;
    if (schema->newest <= known)
        return true;
    log_write(LOG_ERROR, "migration_failed",
              "reason=\"the schema has a newer version (%d) than this program (%d)\"", schema->newest, known);
    return false;
}

static bool apply(PGconn *connection, const struct migration *migration)
{
    char record[256];
    snprintf(record, sizeof record, "INSERT INTO schema_migrations (version, name) VALUES (%d, '%s')",
             migration->version, migration->name);
    int64_t deadline_ms = clock_ms() + STEP_MS;
    bool done = db_link_run(connection, "BEGIN", migration->name, deadline_ms) &&
                db_link_run(connection, migration->sql, migration->name, deadline_ms) &&
                db_link_run(connection, record, migration->name, deadline_ms) &&
                db_link_run(connection, "COMMIT", migration->name, deadline_ms);
    if (done)
        log_write(LOG_INFO, "migrated", "version=%d name=%s", migration->version, migration->name);
    return done;
}

static bool apply_missing(PGconn *connection)
{
    for (int i = 0; i < migration_count; i++) {
        bool applied;
        if (!is_applied(connection, &migrations[i], &applied) ||
            (!applied && !apply(connection, &migrations[i])))
            return false;
    }
    return true;
}

static bool lock_and_apply(PGconn *connection)
{
    static const char table[] = "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY,"
                                " name text NOT NULL, apply_time timestamptz NOT NULL DEFAULT now());"
                                "GRANT SELECT ON schema_migrations TO PUBLIC";
    struct schema schema;
    int64_t deadline_ms = clock_ms() + STEP_MS;
    /* The lock is released with the connection. Check again: another program may have
     * applied everything while this one waited. */
    if (!db_link_run(connection, "SET client_min_messages = warning", "settings", deadline_ms) ||
        !db_link_run(connection, "SELECT pg_advisory_lock(7305790812)", "lock", deadline_ms) ||
        !check_schema(connection, &schema))
        return false;
    return schema.complete ||
           (db_link_run(connection, migration_roles, "roles", deadline_ms) &&
            db_link_run(connection, table, "schema_migrations", deadline_ms) && apply_missing(connection));
}

static bool update_schema(PGconn *connection)
{
    struct schema schema;
    if (!is_utf8(connection) || !check_schema(connection, &schema))
        return false;
    return schema.complete || lock_and_apply(connection);
}

static bool can_set_role(PGconn *connection, const char *role)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SET ROLE %s", role);
    if (db_link_run(connection, sql, sql, clock_ms() + ATTEMPT_MS))
        return true;
    if (PQstatus(connection) == CONNECTION_OK)
        log_write(LOG_ERROR, "role_refused",
                  "login=%s role=%s reason=\"the login must be a member of the role\"", PQuser(connection),
                  role);
    return false;
}

bool migrate(const char *database_url, const char *role)
{
    PGconn *connection = connect_with_retries(database_url);
    if (!connection) {
        log_write(LOG_ERROR, "database_unreachable", "timeout_ms=%d", TIMEOUT_MS);
        return false;
    }
    bool done = update_schema(connection) && can_set_role(connection, role);
    PQfinish(connection);
    return done;
}
