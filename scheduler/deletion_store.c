#include "deletion_store.h"

#include <stdio.h>
#include <string.h>

#include "statements.h"

enum { ID_LIST_SIZE = BATCH_MAX * 21 + 3, ERROR_SIZE = 128 };

enum store_outcome deletion_store_claim(struct db *db, struct batch *batch)
{
    struct db_params params = {0};
    struct db_rows rows;
    batch->count = 0;
    db_bind_number(&params, BATCH_MAX);
    db_bind_number(&params, LEASE_S);
    enum db_outcome outcome = db_query(db, DELETION_CLAIM, &params, &rows);
    if (outcome != DB_DONE)
        return store_of_db(outcome);
    for (int i = 0; i < rows.count && i < BATCH_MAX; i++) {
        struct deletion *deletion = &batch->deletions[batch->count++];
        *deletion = (struct deletion){.id = db_number(&rows, i, 0)};
        snprintf(deletion->key, sizeof deletion->key, "%s", db_text(&rows, i, 1));
    }
    return STORE_DONE;
}

enum store_outcome deletion_store_done(struct db *db, const struct batch *batch)
{
    char ids[ID_LIST_SIZE] = "{";
    size_t used = 1;
    for (int i = 0; i < batch->count; i++)
        if (batch->deletions[i].error == 0)
            used += (size_t)snprintf(ids + used, sizeof ids - used, "%s%lld", used > 1 ? "," : "",
                                     (long long)batch->deletions[i].id);
    if (used == 1)
        return STORE_DONE;
    snprintf(ids + used, sizeof ids - used, "}");
    struct db_params params = {0};
    db_bind_literal(&params, ids);
    return store_of_db(db_query(db, DELETION_DONE, &params, NULL));
}

enum store_outcome deletion_store_failed(struct db *db, const struct deletion *deletion, int64_t attempts_max,
                                         bool *dead)
{
    char error[ERROR_SIZE];
    struct db_params params = {0};
    struct db_rows rows;
    snprintf(error, sizeof error, "%s", strerror(deletion->error));
    db_bind_number(&params, deletion->id);
    db_bind_text(&params, error, strlen(error));
    db_bind_number(&params, attempts_max);
    enum db_outcome outcome = db_query(db, DELETION_FAILED, &params, &rows);
    *dead = outcome == DB_DONE && rows.count == 1 && db_number(&rows, 0, 0) == 1;
    return store_of_db(outcome);
}

enum store_outcome deletion_store_schedule(struct db *db, int64_t video_id)
{
    struct db_params params = {0};
    db_bind_number(&params, video_id);
    return store_of_db(db_query(db, VIDEO_SCHEDULE, &params, NULL));
}
