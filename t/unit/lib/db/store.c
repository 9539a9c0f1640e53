#include "lib/db/store.h"

#include <stddef.h>

#include "t/unit/tap.h"

int main(void)
{
    is_int(store_outcome_from_db(DB_DONE), STORE_DONE, "DB_DONE is STORE_DONE");
    is_int(store_outcome_from_db(DB_REFUSED), STORE_FAILED, "a refused statement is STORE_FAILED");
    is_int(store_outcome_from_db(DB_UNAVAILABLE), STORE_UNAVAILABLE,
           "an unavailable server is STORE_UNAVAILABLE");
    is_int(store_outcome_from_db(DB_UNKNOWN), STORE_UNAVAILABLE,
           "an unknown outcome is STORE_UNAVAILABLE, not done");
    return done_testing();
}
