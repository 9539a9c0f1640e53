/* The outcomes of a store. A store is the file of a program that runs the SQL of one
 * resource. */
#ifndef LIB_DB_STORE_H
#define LIB_DB_STORE_H

#include "lib/db/db.h"

enum store_outcome {
    STORE_DONE,
    STORE_MISSING,     /* the row does not exist */
    STORE_FORBIDDEN,   /* it belongs to another user */
    STORE_CONFLICT,    /* it conflicts with what is there, such as a name that is taken */
    STORE_CHANGED,     /* it is no longer what the request expects */
    STORE_FAILED,      /* the database refused the statement */
    STORE_UNAVAILABLE, /* no confirmation from the database: the client may retry */
    STORE_OUTCOME_COUNT
};

/* Translates the outcome of a query. */
enum store_outcome store_outcome_from_db(enum db_outcome outcome);

#endif
