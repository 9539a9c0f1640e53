#include "lib/db/secret.h"

#include <string.h>

enum store_outcome secret_load(struct secret *secret, struct db *db, size_t statement)
{
    struct db_rows rows;
    if (secret->known)
        return STORE_DONE;
    enum db_outcome outcome = db_query(db, statement, NULL, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows.count != 1 || db_length(&rows, 0, 0) != SECRET_SIZE)
        return STORE_FAILED;
    memcpy(secret->bytes, db_text(&rows, 0, 0), SECRET_SIZE);
    secret->known = true;
    return STORE_DONE;
}
