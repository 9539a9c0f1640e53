#include "fcgi-api/video_store.h"

#include <string.h>

#include "fcgi-api/api_statements.h"

void video_from_row(const struct db_rows *rows, int row, struct video *video)
{
    *video = (struct video){
        .id = db_number(rows, row, 0),
        .author_id = db_number(rows, row, 1),
        .author_name = db_text(rows, row, 2),
        .title = db_text(rows, row, 3),
        .description = db_text(rows, row, 4),
        .create_time_us = db_time_us(rows, row, 5),
        .ready = !db_is_null(rows, row, 6),
        .size = db_number(rows, row, 6),
        .content_type = db_text(rows, row, 7),
        .revision = db_number(rows, row, 8),
        .views = db_number(rows, row, 9),
        .has_poster = db_number(rows, row, 10) == 1,
    };
}

static enum store_outcome read_one(enum db_outcome outcome, const struct db_rows *rows, struct video *video)
{
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows->count == 0)
        return STORE_MISSING;
    video_from_row(rows, 0, video);
    return STORE_DONE;
}

enum store_outcome video_store_create(struct db *db, int64_t author_id, const char *title,
                                      const char *description, struct video *video)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, author_id);
    db_bind_text(&params, title, strlen(title));
    db_bind_text(&params, description, strlen(description));
    enum db_outcome outcome = db_query(db, VIDEO_CREATE, &params, &rows);
    return read_one(outcome, &rows, video);
}

static void bind_optional(struct db_params *params, const char *text)
{
    if (text)
        db_bind_literal(params, text);
    else
        db_bind_null(params);
}

static enum store_outcome outcome_of_change(bool changed, int64_t author_id, int64_t user_id)
{
    if (changed)
        return STORE_DONE;
    return author_id == user_id ? STORE_CHANGED : STORE_FORBIDDEN;
}

enum store_outcome video_store_edit(struct db *db, int64_t id, int64_t author_id,
                                    const struct video_edit *edit, struct video *video)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, id);
    db_bind_number(&params, author_id);
    bind_optional(&params, edit->revisions);
    bind_optional(&params, edit->title);
    bind_optional(&params, edit->description);
    enum store_outcome outcome = read_one(db_query(db, VIDEO_EDIT, &params, &rows), &rows, video);
    if (outcome != STORE_DONE)
        return outcome;
    return outcome_of_change(!db_is_null(&rows, 0, 0), db_number(&rows, 0, VIDEO_COLUMN_COUNT), author_id);
}

enum store_outcome video_store_delete(struct db *db, int64_t id, int64_t author_id, const char *revisions,
                                      int64_t grace_s)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, id);
    db_bind_number(&params, author_id);
    bind_optional(&params, revisions);
    db_bind_number(&params, grace_s);
    enum db_outcome outcome = db_query(db, VIDEO_DELETE, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows.count == 0)
        return STORE_MISSING;
    return outcome_of_change(db_number(&rows, 0, 0) == 1, db_number(&rows, 0, 1), author_id);
}

static void bind_page(struct db_params *params, const struct page *page)
{
    db_bind_number(params, page->time_us);
    db_bind_number(params, page->id);
    db_bind_number(params, page->limit + 1);
}

enum store_outcome video_store_list(struct db *db, const struct page *page, bool ready, struct db_rows *rows)
{
    struct db_params params = {0};
    bind_page(&params, page);
    return store_outcome_from_db(db_query(db, ready ? VIDEO_LIST_READY : VIDEO_LIST, &params, rows));
}

enum store_outcome video_store_list_of_user(struct db *db, const struct page *page, int64_t author_id,
                                            struct db_rows *rows)
{
    struct db_params params = {0};
    bind_page(&params, page);
    db_bind_number(&params, author_id);
    return store_outcome_from_db(db_query(db, VIDEO_LIST_OF_USER, &params, rows));
}

enum store_outcome video_store_search(struct db *db, const struct page *page, const char *words,
                                      const char *pattern, bool ready, struct db_rows *rows)
{
    struct db_params params = {0};
    bind_page(&params, page);
    db_bind_text(&params, words, strlen(words));
    db_bind_text(&params, pattern, strlen(pattern));
    db_bind_number(&params, ready);
    return store_outcome_from_db(db_query(db, VIDEO_SEARCH, &params, rows));
}
