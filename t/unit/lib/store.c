#include "store.h"

#include <stddef.h>

#include "tap.h"

int main(void)
{
    is_int(store_of_db(DB_DONE), STORE_DONE, "done is done");
    is_int(store_of_db(DB_REFUSED), STORE_FAILED, "what the server refuses has failed");
    is_int(store_of_db(DB_UNAVAILABLE), STORE_UNAVAILABLE, "no server: try again later");
    is_int(store_of_db(DB_UNKNOWN), STORE_UNAVAILABLE, "unknown isn't done");

    is_int(status_of_store(STORE_DONE), STATUS_ANSWERED, "done");
    is_int(status_of_store(STORE_MISSING), STATUS_NOT_FOUND, "404");
    is_int(status_of_store(STORE_FORBIDDEN), STATUS_FORBIDDEN, "403");
    is_int(status_of_store(STORE_CONFLICT), STATUS_CONFLICT, "409");
    is_int(status_of_store(STORE_CHANGED), STATUS_PRECONDITION_FAILED, "412");
    is_int(status_of_store(STORE_FAILED), STATUS_DB_FAILED, "500");
    is_int(status_of_store(STORE_UNAVAILABLE), STATUS_DB_UNAVAILABLE, "503");
    return done_testing();
}
