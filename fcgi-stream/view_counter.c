#include "view_counter.h"

#include <inttypes.h>
#include <signal.h>
#include <time.h>

#include "log.h"
#include "stream.h"
#include "view_store.h"

enum { EVERY_S = 1, BATCH = 1000 };

struct counter {
    struct db *db;
    struct arena *arena;
    struct views *views;
    bool in_step; /* the queue's position is the database's */
    struct view batch[BATCH];
};

/* After a start, or a batch of which nobody knows whether it was counted, the database says how far it is. */
static bool get_in_step(struct counter *counter)
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
static bool count_batch(struct counter *counter)
{
    uint64_t position;
    arena_reset(counter->arena);
    db_begin(counter->db, counter->arena);
    if (!counter->in_step && !get_in_step(counter))
        return false;
    size_t count = views_peek(counter->views, counter->batch, BATCH, &position);
    if (count == 0)
        return false;
    counter->in_step = view_store_count(counter->db, views_id(counter->views), position, counter->batch,
                                        count) == STORE_DONE;
    if (counter->in_step)
        views_counted(counter->views, position + count);
    return counter->in_step && count == BATCH;
}

/* Until a signal says stop; what is there then is still counted. */
static void run(struct counter *counter)
{
    const struct timespec pause = {.tv_sec = EVERY_S};
    sigset_t stop;
    bool stopped;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    do {
        stopped = sigtimedwait(&stop, NULL, &pause) > 0;
        while (count_batch(counter))
            continue;
    } while (!stopped);
}

bool view_counter_work(const struct pool_group *group, const struct config *config, int listen_fd)
{
    const struct stream_context *context = group->service->context;
    const struct db_options options = service_db_options(group->service, config);
    static struct counter counter;
    (void)listen_fd;
    counter.views = context->views;
    counter.arena = arena_create();
    counter.db = db_create(&options);
    if (!counter.arena || !counter.db)
        return false;
    run(&counter);
    db_destroy(counter.db);
    arena_destroy(counter.arena);
    return true;
}
