#include "fcgi-stream/views/view_counter.h"

#include "fcgi-stream/views/view_store.h"

/* After a start, or a batch of which nobody knows whether it was counted, the database says how far it is. */
static bool get_in_step(struct view_counter *counter)
{
    int64_t position;
    switch (view_store_position(counter->db, views_id(counter->views), &position)) {
    case STORE_DONE: views_counted(counter->views, (uint64_t)position); break;
    case STORE_MISSING: break;
    default: return false;
    }
    return counter->in_step = true;
}

/* Counts what is there now, at most a batch of it. True when there may be more. */
static bool count_batch(struct view_counter *counter)
{
    uint64_t position;
    arena_reset(counter->arena);
    db_begin(counter->db, counter->arena);
    if (!counter->in_step && !get_in_step(counter))
        return false;
    size_t count = views_peek(counter->views, counter->batch, VIEW_BATCH, &position);
    if (count == 0)
        return false;
    counter->in_step = view_store_count(counter->db, views_id(counter->views), position, counter->batch,
                                        count) == STORE_DONE;
    if (counter->in_step)
        views_counted(counter->views, position + count);
    return counter->in_step && count == VIEW_BATCH;
}

void view_counter_count(struct view_counter *counter)
{
    while (count_batch(counter))
        continue;
}
