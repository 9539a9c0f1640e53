/* Brings the database's schema to what the programs need (db/), on start.
 *
 * Forward only, each migration in a transaction of its own, all under an advisory lock, so that programs
 * which start at once wait for each other. A schema that is up to date needs no right to change it. */
#ifndef LIB_DB_MIGRATE_H
#define LIB_DB_MIGRATE_H

#include <stdbool.h>

#include "lib/base/compiler.h"

struct migration {
    int version;
    const char *name;
    const char *sql;
};

/* Made from db/ by the Makefile, in ascending order of version. */
extern const struct migration migrations[];
extern const int migration_count;
extern const char migration_roles[];

/* Waits up to ten seconds for a server to be there. False, which is logged, also when whoever logs in may not act as the
 * program's role: no request could be answered. */
WARN_UNUSED bool migrate(const char *database_url, const char *role);

#endif
