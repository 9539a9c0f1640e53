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

enum { LANE_BATCHES = 4, FINISH_MS = 2000 };

struct lane {
    struct lane_options options;
    struct queue *queue;
    struct task_context context;
    pthread_t thread;
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
    struct lane *lane = argument;
    struct task_batch *batch;
    while ((batch = queue_take(lane->queue))) {
        wake_dispatcher(lane);
        if (atomic_load(&lane->end_ms) == 0)
            executor_run(&lane->context, lane->options.owner, batch);
        else
            executor_release(&lane->context, lane->options.owner, batch);
        claims_remove(lane->options.claims, batch);
        free(batch);
    }
    return NULL;
}

static void destroy(struct lane *lane)
{
    queue_destroy(lane->queue);
    db_destroy(lane->context.db);
    arena_destroy(lane->context.arena);
    free(lane);
}

struct lane *lane_start(const struct lane_options *options)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->options = *options;
    lane->queue = queue_create(LANE_BATCHES);
    lane->context = (struct task_context){.config = options->config,
                                          .media = options->media,
                                          .db = db_create(options->db),
                                          .arena = arena_create(),
                                          .lane = lane};
    if (lane->queue && lane->context.db && pthread_create(&lane->thread, NULL, run, lane) == 0)
        return lane;
    log_write(LOG_ERROR, "lane_failed", "reason=\"%s\"", strerror(errno));
    destroy(lane);
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

bool lane_is_late(const struct lane *lane)
{
    long long end_ms = atomic_load(&lane->end_ms);
    return end_ms != 0 && clock_ms() >= end_ms;
}

void lane_join(struct lane *lane)
{
    if (!lane)
        return;
    queue_close(lane->queue);
    pthread_join(lane->thread, NULL);
    destroy(lane);
}
