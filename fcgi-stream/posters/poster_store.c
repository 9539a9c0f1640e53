#include "fcgi-stream/posters/poster_store.h"

#include "fcgi-stream/stream_statements.h"

enum store_outcome poster_store_get(struct db *db, int64_t video_id, struct video_file *file)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, video_id);
    enum db_outcome outcome = db_query(db, POSTER_GET, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows.count == 0)
        return STORE_MISSING;
    *file = (struct video_file){
        .key = db_text(&rows, 0, 0), .content_type = db_text(&rows, 0, 1), .size = db_number(&rows, 0, 2)};
    return STORE_DONE;
}

enum store_outcome poster_store_put(struct db *db, int64_t video_id, int64_t user_id,
                                    const struct video_file *file, bool *referenced)
{
    struct db_params params = {0};
    struct db_rows rows;
    file_store_bind(&params, video_id, user_id, file);
    enum db_outcome outcome = db_query(db, POSTER_PUT, &params, &rows);
    *referenced = outcome == DB_UNKNOWN || (outcome == DB_DONE && rows.count == 1);
    return outcome == DB_DONE && rows.count == 0 ? STORE_MISSING : store_outcome_from_db(outcome);
}
