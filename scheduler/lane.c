#include "lane.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "executor.h"
#include "log.h"
#include "queue.h"

enum {
    LANE_BATCHES = 4,
    FINISH_MS = 2000,
    RECORD_MS = 1000, /* of the database, for one thing */
    END_MS = 4000     /* for all things: then claims that could not be given back run out */
};

struct executor {
    struct lane *lane;
    struct task_context context;
    pthread_t thread;
};

struct lane {
    struct lane_options options;
    struct queue *queue;
    struct executor executors[LANE_EXECUTORS_MAX];
    int started;
    atomic_llong end_ms; /* 0: go on; else when it is late */
};

static void wake_dispatcher(const struct lane *lane)
{
    static const uint64_t one = 1;
    ssize_t written = write(lane->options.wake_fd, &one, sizeof one);
    (void)written; /* when it is full somebody is being woken */
}

static void *run(void *argument)
{
    struct executor *executor = argument;
    struct lane *lane = executor->lane;
    struct task_batch *batch;
    while ((batch = queue_take(lane->queue))) {
        wake_dispatcher(lane);
        if (lane_is_ending(lane))
            executor_release(&executor->context, lane->options.owner, batch);
        else
            executor_run(&executor->context, lane->options.owner, batch);
        claims_remove(lane->options.claims, batch);
        free(batch);
    }
    return NULL;
}

static bool start_executor(struct lane *lane, struct executor *executor)
{
    executor->lane = lane;
    executor->context = (struct task_context){.config = lane->options.config,
                                              .media = lane->options.media,
                                              .db = db_create(lane->options.db),
                                              .arena = arena_create(),
                                              .lane = lane};
    return executor->context.db && pthread_create(&executor->thread, NULL, run, executor) == 0;
}

struct lane *lane_start(const struct lane_options *options)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->options = *options;
    lane->queue = queue_create(LANE_BATCHES);
    while (lane->queue && lane->started < options->executors &&
           start_executor(lane, &lane->executors[lane->started]))
        lane->started++;
    if (lane->started == options->executors)
        return lane;
    log_write(LOG_ERROR, "lane_failed", "reason=\"%s\"", strerror(errno));
    lane_join(lane);
    return NULL;
}

bool lane_has_room(const struct lane *lane)
{
    return queue_has_room(lane->queue);
}

void lane_put(struct lane *lane, struct task_batch *batch)
{
    claims_add(lane->options.claims, batch);
    if (queue_put(lane->queue, batch))
        return;
    claims_remove(lane->options.claims, batch);
    free(batch);
}

void lane_end(struct lane *lane)
{
    atomic_store(&lane->end_ms, (long long)clock_ms() + FINISH_MS);
}

bool lane_is_ending(const struct lane *lane)
{
    return atomic_load(&lane->end_ms) != 0;
}

bool lane_is_late(const struct lane *lane)
{
    return lane_is_ending(lane) && clock_left_ms(atomic_load(&lane->end_ms)) == 0;
}

int lane_left_ms(const struct lane *lane)
{
    int left_ms = clock_left_ms(atomic_load(&lane->end_ms) + END_MS - FINISH_MS);
    return left_ms < RECORD_MS ? left_ms : RECORD_MS;
}

void lane_join(struct lane *lane)
{
    if (!lane)
        return;
    if (lane->queue)
        queue_close(lane->queue);
    for (int i = 0; i < lane->started; i++)
        pthread_join(lane->executors[i].thread, NULL);
    for (int i = 0; i < LANE_EXECUTORS_MAX; i++) {
        db_destroy(lane->executors[i].context.db);
        arena_destroy(lane->executors[i].context.arena);
    }
    queue_destroy(lane->queue);
    free(lane);
}
