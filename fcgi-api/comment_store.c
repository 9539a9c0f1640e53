#include "fcgi-api/comment_store.h"

#include <string.h>
#include <uuid/uuid.h>

#include "fcgi-api/api_statements.h"

void comment_from_row(const struct db_rows *rows, int row, struct comment *comment)
{
    *comment = (struct comment){
        .id = db_text(rows, row, 0),
        .video_id = db_number(rows, row, 1),
        .author_id = db_number(rows, row, 2),
        .author_name = db_text(rows, row, 3),
        .content = db_text(rows, row, 4),
        .post_time_us = db_time_us(rows, row, 5),
    };
}

enum store_outcome comment_store_create(struct db *db, int64_t video_id, int64_t author_id,
                                        const char *content, struct comment *comment)
{
    uuid_t uuid;
    char id[UUID_STR_LEN];
    struct db_params params = {0};
    struct db_rows rows;
    uuid_generate_random(uuid);
    uuid_unparse_lower(uuid, id);
    db_bind_literal(&params, id);
    db_bind_number(&params, video_id);
    db_bind_number(&params, author_id);
    db_bind_text(&params, content, strlen(content));
    enum db_outcome outcome = db_query(db, COMMENT_CREATE, &params, &rows);
    /* The video may be deleted while the statement runs. */
    bool video_deleted = outcome == DB_REFUSED && strcmp(db_sqlstate(db), DB_FOREIGN_KEY_VIOLATION) == 0;
    if (video_deleted || (outcome == DB_DONE && rows.count == 0))
        return STORE_MISSING;
    if (outcome == DB_DONE)
        comment_from_row(&rows, 0, comment);
    return store_outcome_from_db(outcome);
}

enum store_outcome comment_store_list(struct db *db, const struct page *page, int64_t video_id,
                                      struct db_rows *rows)
{
    struct db_params params = {0};
    db_bind_number(&params, page->time_us);
    db_bind_literal(&params, page->uuid);
    db_bind_number(&params, page->limit + 1);
    db_bind_number(&params, video_id);
    return store_outcome_from_db(db_query(db, COMMENT_LIST, &params, rows));
}

enum store_outcome comment_store_delete(struct db *db, int64_t video_id, const char *id, int64_t user_id)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_literal(&params, id);
    db_bind_number(&params, video_id);
    db_bind_number(&params, user_id);
    enum db_outcome outcome = db_query(db, COMMENT_DELETE, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    bool may_delete = rows.count == 1 && db_number(&rows, 0, 0) != 0;
    if (rows.count == 1 && !may_delete)
        return STORE_FORBIDDEN;
    /* Allowed but not deleted: another request deleted it first. */
    return may_delete && db_number(&rows, 0, 1) == 1 ? STORE_DONE : STORE_MISSING;
}
