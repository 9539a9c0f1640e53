/* The site's secret: random bytes in the database, which all programs share. Each thread
 * loads it when it first needs it, and keeps it. */
#ifndef LIB_DB_SECRET_H
#define LIB_DB_SECRET_H

#include "lib/db/store.h"

enum { SECRET_SIZE = 32 };

struct secret {
    bool known;
    unsigned char bytes[SECRET_SIZE];
};

/* The SQL of the statement that secret_load runs. */
#define SECRET_FIND_SQL "SELECT secret FROM site_secret"

/* Loads the secret with the statement of that index, unless it is already loaded. */
WARN_UNUSED enum store_outcome secret_load(struct secret *secret, struct db *db, size_t statement);

#endif
