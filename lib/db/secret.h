/* The site's secret: random bytes in the database, the same for all of its programs. A thread learns it when it is
 * first needed, and keeps it. */
#ifndef LIB_DB_SECRET_H
#define LIB_DB_SECRET_H

#include "lib/db/store.h"

enum { SECRET_SIZE = 32 };

struct secret {
    bool known;
    unsigned char bytes[SECRET_SIZE];
};

/* The statement of a program that needs the secret. */
#define SECRET_FIND_SQL "SELECT secret FROM site_secret"

/* Asks for the secret, by the statement with that index, unless it is known. */
WARN_UNUSED enum store_outcome secret_load(struct secret *secret, struct db *db, size_t statement);

#endif
