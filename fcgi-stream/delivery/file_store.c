#include "fcgi-stream/delivery/file_store.h"

#include <string.h>

#include "fcgi-stream/stream_statements.h"
#include "lib/http/session.h"

enum store_outcome file_store_get(struct db *db, int64_t video_id, const unsigned char *session,
                                  struct video_file *file, int64_t *user_id)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, video_id);
    /* Without a session, an empty hash, which matches none: with NULL PostgreSQL would
     * plan the statement again for each execution. */
    db_bind_bytes(&params, session ? session : (const unsigned char *)"", session ? SESSION_HASH_SIZE : 0);
    enum db_outcome outcome = db_query(db, VIDEO_FILE, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows.count == 0 || db_is_null(&rows, 0, 0))
        return STORE_MISSING;
    *file = (struct video_file){.key = db_text(&rows, 0, 0),
                                .content_type = db_text(&rows, 0, 1),
                                .size = db_number(&rows, 0, 2),
                                .title = db_text(&rows, 0, 3)};
    *user_id = db_number(&rows, 0, 4);
    return STORE_DONE;
}

enum store_outcome file_store_check_author(struct db *db, int64_t video_id, int64_t user_id)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, video_id);
    enum db_outcome outcome = db_query(db, VIDEO_AUTHOR, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows.count == 0)
        return STORE_MISSING;
    return db_number(&rows, 0, 0) == user_id ? STORE_DONE : STORE_FORBIDDEN;
}

void file_store_bind(struct db_params *params, int64_t video_id, int64_t user_id,
                     const struct video_file *file)
{
    db_bind_number(params, video_id);
    db_bind_number(params, user_id);
    db_bind_literal(params, file->key);
    db_bind_text(params, file->content_type, strlen(file->content_type));
    db_bind_number(params, file->size);
}

enum store_outcome file_store_publish(struct db *db, int64_t video_id, int64_t user_id,
                                      const struct video_file *file, bool *referenced)
{
    struct db_params params = {0};
    struct db_rows rows;
    file_store_bind(&params, video_id, user_id, file);
    enum db_outcome outcome = db_query(db, UPLOAD_PUBLISH, &params, &rows);
    *referenced = outcome == DB_UNKNOWN;
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    *referenced = db_number(&rows, 0, 0) == 1;
    if (*referenced)
        return STORE_DONE;
    bool is_others = !db_is_null(&rows, 0, 1) && db_number(&rows, 0, 1) != user_id;
    return is_others ? STORE_FORBIDDEN : STORE_MISSING;
}
