#include "store.h"

enum store_outcome store_of_db(enum db_outcome outcome)
{
    switch (outcome) {
    case DB_DONE: return STORE_DONE;
    case DB_REFUSED: return STORE_FAILED;
    case DB_UNAVAILABLE:
    case DB_UNKNOWN: return STORE_UNAVAILABLE;
    }
    return STORE_FAILED;
}

enum status status_of_store(enum store_outcome outcome)
{
    static const enum status statuses[STORE_OUTCOME_COUNT] = {
        [STORE_DONE] = STATUS_ANSWERED,
        [STORE_MISSING] = STATUS_NOT_FOUND,
        [STORE_FORBIDDEN] = STATUS_FORBIDDEN,
        [STORE_CONFLICT] = STATUS_CONFLICT,
        [STORE_CHANGED] = STATUS_PRECONDITION_FAILED,
        [STORE_FAILED] = STATUS_DB_FAILED,
        [STORE_UNAVAILABLE] = STATUS_DB_UNAVAILABLE,
    };
    return statuses[outcome];
}
