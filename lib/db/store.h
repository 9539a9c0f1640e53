/* What a store (the part of a program that knows the SQL of one resource) says of a piece of work. */
#ifndef LIB_DB_STORE_H
#define LIB_DB_STORE_H

#include "lib/db/db.h"

enum store_outcome {
    STORE_DONE,
    STORE_MISSING,   /* there is no such row */
    STORE_FORBIDDEN, /* it is another user's */
    STORE_CONFLICT,  /* something else has that name */
    STORE_CHANGED,   /* it isn't any more what the request takes it for */
    STORE_FAILED,
    STORE_UNAVAILABLE,
    STORE_OUTCOME_COUNT
};

/* The outcome of a query that went that way. */
enum store_outcome store_outcome_from_db(enum db_outcome outcome);

#endif
