#include "lib/db/store.h"

#include <stddef.h>

#include "t/unit/tap.h"

int main(void)
{
    is_int(store_outcome_from_db(DB_DONE), STORE_DONE, "done is done");
    is_int(store_outcome_from_db(DB_REFUSED), STORE_FAILED, "what the server refuses has failed");
    is_int(store_outcome_from_db(DB_UNAVAILABLE), STORE_UNAVAILABLE, "no server: try again later");
    is_int(store_outcome_from_db(DB_UNKNOWN), STORE_UNAVAILABLE, "unknown isn't done");
    return done_testing();
}
