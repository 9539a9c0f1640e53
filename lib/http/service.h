/* What makes one of the three programs: its routes, its SQL, its place in the database. */
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
    size_t session_statement; /* SESSION_FIND_SQL; unused when no route asks for a session */
    size_t secret_statement;  /* SECRET_FIND_SQL; unused when no route has pages */
    struct {
        size_t claim, find, keep;
    } idempotency;    /* IDEMPOTENCY_..._SQL; unused when no route takes an Idempotency-Key */
    const char *role; /* in the database */
    void *context;    /* for the handlers, see request->context; shared by all threads */
};

/* How the service's threads connect to the database. */
struct db_options service_db_options(const struct service *service, const struct config *config);

#endif
