#include "fcgi-stream/views/view_store.h"

#include <inttypes.h>

#include "fcgi-stream/stream_statements.h"
#include "lib/base/buffer.h"

enum store_outcome view_store_position(struct db *db, const char *queue, int64_t *position)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_literal(&params, queue);
    enum db_outcome outcome = db_query(db, VIEW_POSITION, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows.count == 0)
        return STORE_MISSING;
    *position = db_number(&rows, 0, 0);
    return STORE_DONE;
}

/* The batch as three arrays in PostgreSQL's text form. */
struct arrays {
    struct buffer videos, viewers, bytes;
};

static void write_arrays(struct arrays *arrays, const struct view *batch, size_t count)
{
    struct buffer *all[] = {&arrays->videos, &arrays->viewers, &arrays->bytes};
    for (size_t i = 0; i < count; i++) {
        const int64_t values[] = {batch[i].video_id, (int64_t)batch[i].client, batch[i].bytes};
        for (size_t k = 0; k < COUNT_OF(all); k++)
            buffer_printf(all[k], "%c%" PRId64, i ? ',' : '{', values[k]);
    }
    for (size_t k = 0; k < COUNT_OF(all); k++)
        buffer_append(all[k], "}", 2); /* with the NUL */
}

static enum store_outcome count_arrays(struct db *db, const char *queue, uint64_t position, size_t count,
                                       const struct arrays *arrays)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_literal(&params, queue);
    db_bind_number(&params, (int64_t)position);
    db_bind_number(&params, (int64_t)(position + count));
    db_bind_literal(&params, arrays->videos.data);
    db_bind_literal(&params, arrays->viewers.data);
    db_bind_literal(&params, arrays->bytes.data);
    enum db_outcome outcome = db_query(db, VIEW_FORGET, NULL, NULL);
    if (outcome == DB_DONE)
        outcome = db_query(db, VIEW_COUNT, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    return db_number(&rows, 0, 0) == 1 ? STORE_DONE : STORE_CONFLICT;
}

enum store_outcome view_store_count(struct db *db, const char *queue, uint64_t position,
                                    const struct view *batch, size_t count)
{
    struct arrays arrays = {0};
    write_arrays(&arrays, batch, count);
    bool failed = arrays.videos.failed || arrays.viewers.failed || arrays.bytes.failed;
    enum store_outcome outcome = failed ? STORE_FAILED : count_arrays(db, queue, position, count, &arrays);
    buffer_free(&arrays.videos);
    buffer_free(&arrays.viewers);
    buffer_free(&arrays.bytes);
    return outcome;
}
