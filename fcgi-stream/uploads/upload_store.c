#include "fcgi-stream/uploads/upload_store.h"

#include <string.h>

#include "fcgi-stream/stream_statements.h"

enum store_outcome upload_store_reserve(struct db *db, const struct config *config,
                                        const struct upload_demand *demand, enum upload_admission *admission)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_literal(&params, demand->id);
    db_bind_number(&params, demand->video_id);
    db_bind_number(&params, demand->user_id);
    db_bind_number(&params, demand->bytes);
    db_bind_literal(&params, demand->kind == UPLOAD_POSTER ? "true" : "false");
    db_bind_number(&params, config->user_quota_bytes);
    db_bind_number(&params, config->user_quota_videos);
    db_bind_number(&params, config->user_uploads);
    db_bind_number(&params, demand->disk_bytes);
    db_bind_number(&params, config->upload_ttl_s);
    db_bind_number(&params, demand->kind == UPLOAD_FORM ? 2 : 1);
    enum db_outcome outcome = db_query(db, UPLOAD_RESERVE, &params, &rows);
    if (outcome == DB_REFUSED && strcmp(db_sqlstate(db), DB_FOREIGN_KEY_VIOLATION) == 0)
        return STORE_MISSING;
    if (outcome == DB_DONE)
        *admission = (enum upload_admission)db_number(&rows, 0, 0);
    return store_outcome_from_db(outcome);
}

enum store_outcome upload_store_cancel(struct db *db, const char *id)
{
    struct db_params params = {0};
    db_bind_literal(&params, id);
    return store_outcome_from_db(db_query(db, UPLOAD_CANCEL, &params, NULL));
}

enum store_outcome upload_store_abandon(struct db *db, const char *id)
{
    struct db_params params = {0};
    db_bind_literal(&params, id);
    return store_outcome_from_db(db_query(db, UPLOAD_ABANDON, &params, NULL));
}

enum store_outcome upload_store_list_direct(struct db *db, struct db_rows *rows)
{
    return store_outcome_from_db(db_query(db, UPLOAD_DIRECT, NULL, rows));
}

enum store_outcome upload_store_begin(struct db *db, const struct config *config, const char *id,
                                      const char *metadata)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_literal(&params, id);
    db_bind_text(&params, metadata, strlen(metadata));
    db_bind_number(&params, config->upload_ttl_s);
    enum db_outcome outcome = db_query(db, UPLOAD_BEGIN, &params, &rows);
    return outcome == DB_DONE && rows.count == 0 ? STORE_MISSING : store_outcome_from_db(outcome);
}

enum store_outcome upload_store_get(struct db *db, const char *id, struct upload_row *row)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_literal(&params, id);
    enum db_outcome outcome = db_query(db, UPLOAD_GET, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows.count == 0)
        return STORE_MISSING;
    *row = (struct upload_row){
        .video_id = db_number(&rows, 0, 0),
        .user_id = db_number(&rows, 0, 1),
        .length = db_number(&rows, 0, 2),
        .metadata = db_text(&rows, 0, 3),
        .expires_us = db_time_us(&rows, 0, 4),
        .finished = db_number(&rows, 0, 5) == 1,
    };
    return STORE_DONE;
}

enum store_outcome upload_store_touch(struct db *db, const struct config *config, const char *id,
                                      int64_t received, int64_t *expires_us)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_literal(&params, id);
    db_bind_number(&params, received);
    db_bind_number(&params, config->upload_ttl_s);
    enum db_outcome outcome = db_query(db, UPLOAD_TOUCH, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows.count == 0)
        return STORE_MISSING;
    *expires_us = db_time_us(&rows, 0, 0);
    return STORE_DONE;
}

enum store_outcome upload_store_delete(struct db *db, const char *id)
{
    struct db_params params = {0};
    db_bind_literal(&params, id);
    return store_outcome_from_db(db_query(db, UPLOAD_DELETE, &params, NULL));
}
