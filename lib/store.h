/* What a store (the part of a program that knows the SQL of one resource) says of a piece of work. */
#ifndef STORE_H
#define STORE_H

#include "db.h"
#include "status.h"

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
enum store_outcome store_of_db(enum db_outcome outcome);

/* What a client is told of an outcome other than STORE_DONE. */
enum status status_of_store(enum store_outcome outcome);

#endif
