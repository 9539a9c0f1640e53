/* Applies the missing migrations of db/ when a program starts.
 *
 * Migrations only go forward. Each is its own transaction, and all run under an advisory
 * lock, so programs that start at the same time wait for each other. When nothing is
 * missing, the login needs no right to change the schema. */
#ifndef LIB_DB_MIGRATE_H
#define LIB_DB_MIGRATE_H

#include <stdbool.h>

#include "lib/base/compiler.h"

struct migration {
    int version;
    const char *name;
    const char *sql;
};

/* Generated from db/ by the Makefile, in ascending order of version. */
extern const struct migration migrations[];
extern const int migration_count;
extern const char migration_roles[];

/* Waits up to ten seconds for the server, applies what is missing, and checks that the
 * login may SET ROLE to the program's role. Returns false when any of this fails, which
 * is logged. */
WARN_UNUSED bool migrate(const char *database_url, const char *role);

#endif
