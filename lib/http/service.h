/* What distinguishes one program from the others: its routes, its SQL, its database
 * role. */
#ifndef LIB_HTTP_SERVICE_H
#define LIB_HTTP_SERVICE_H

#include "lib/base/config.h"
#include "lib/db/db.h"
#include "lib/http/route.h"

struct service {
    const char *name;
    struct route_table routes;
    const struct db_statement *statements;
    size_t statement_count;
    /* Indexes of statements. */
    size_t session_statement; /* SESSION_FIND_SQL; unused when no route needs a session */
    size_t secret_statement;  /* SECRET_FIND_SQL; unused when no route has pages */
    struct {
        size_t claim, find, save;
    } idempotency;    /* IDEMPOTENCY_..._SQL; unused when no route is idempotent */
    const char *role; /* in the database */
    void *context;    /* request->context; shared by all threads */
};

/* The options with which each thread of the service connects to the database. */
struct db_options service_db_options(const struct service *service, const struct config *config);

#endif
