#include "lib/db/store.h"

enum store_outcome store_outcome_from_db(enum db_outcome outcome)
{
    switch (outcome) {
    case DB_DONE: return STORE_DONE;
    case DB_REFUSED: return STORE_FAILED;
    case DB_UNAVAILABLE:
    case DB_UNKNOWN: return STORE_UNAVAILABLE;
    }
    return STORE_FAILED;
}
