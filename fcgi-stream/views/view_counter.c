#include "fcgi-stream/views/view_counter.h"

#include "fcgi-stream/views/view_store.h"

/* Takes the position from the database, after a start or a batch whose outcome is
 * unknown. */
static bool synchronize(struct view_counter *counter)
{
    int64_t position;
    switch (view_store_position(counter->db, views_id(counter->views), &position)) {
    case STORE_DONE: views_mark_counted(counter->views, (uint64_t)position); break;
    case STORE_MISSING: break;
    default: return false;
    }
    return counter->synchronized = true;
}

/* Counts at most a batch. Returns whether there may be more. */
static bool count_batch(struct view_counter *counter)
{
    uint64_t position;
    arena_reset(counter->arena);
    db_begin(counter->db, counter->arena);
    if (!counter->synchronized && !synchronize(counter))
        return false;
    size_t count = views_peek(counter->views, counter->batch, VIEW_BATCH, &position);
    if (count == 0)
        return false;
    counter->synchronized = view_store_count(counter->db, views_id(counter->views), position, counter->batch,
                                             count) == STORE_DONE;
    if (counter->synchronized)
        views_mark_counted(counter->views, position + count);
    return counter->synchronized && count == VIEW_BATCH;
}

void view_counter_count(struct view_counter *counter)
{
    while (count_batch(counter))
        continue;
}
