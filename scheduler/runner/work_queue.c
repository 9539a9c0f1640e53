#include "scheduler/runner/work_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "scheduler/runner/executor.h"
#include "scheduler/runner/queue.h"

enum {
    WORK_QUEUE_BATCHES = 4,
    /* Time that running tasks get when the work queue stops. */
    FINISH_MS = 2000
};

struct executor {
    struct work_queue *work_queue;
    struct task_context context;
    pthread_t thread;
};

struct work_queue {
    struct work_queue_options options;
    struct queue *queue;
    struct executor executors[WORK_QUEUE_EXECUTORS_MAX];
    int started;
    /* Set when the work queue is to stop. */
    struct task_deadline deadline;
};

static void wake_dispatcher(const struct work_queue *work_queue)
{
    static const uint64_t one = 1;
    ssize_t written = write(work_queue->options.wake_fd, &one, sizeof one);
    (void)written; /* EAGAIN: a wake-up is already pending. */
}

static bool is_stopping(const struct work_queue *work_queue)
{
    return atomic_load(&work_queue->deadline.at_ms) != 0;
}

static void *run(void *argument)
{
    struct executor *executor = argument;
    struct work_queue *work_queue = executor->work_queue;
    struct task_batch *batch;
    while ((batch = queue_take(work_queue->queue))) {
        wake_dispatcher(work_queue);
        if (is_stopping(work_queue))
            executor_release(&executor->context, work_queue->options.owner, batch);
        else
            executor_run(&executor->context, work_queue->options.owner, batch);
        leases_remove(work_queue->options.leases, batch);
        free(batch);
    }
    return NULL;
}

static bool start_executor(struct work_queue *work_queue, struct executor *executor)
{
    executor->work_queue = work_queue;
    executor->context = (struct task_context){.config = work_queue->options.config,
                                              .media = work_queue->options.media,
                                              .db = db_create(work_queue->options.db),
                                              .arena = arena_create(),
                                              .deadline = &work_queue->deadline};
    return executor->context.db && pthread_create(&executor->thread, NULL, run, executor) == 0;
}

struct work_queue *work_queue_start(const struct work_queue_options *options)
{
    struct work_queue *work_queue = calloc(1, sizeof *work_queue);
    if (!work_queue)
        return NULL;
    work_queue->options = *options;
    work_queue->queue = queue_create(WORK_QUEUE_BATCHES);
    while (work_queue->queue && work_queue->started < options->executors &&
           start_executor(work_queue, &work_queue->executors[work_queue->started]))
        work_queue->started++;
    if (work_queue->started == options->executors)
        return work_queue;
    log_write(LOG_ERROR, "work_queue_failed", "reason=\"%s\"", strerror(errno));
    work_queue_join(work_queue);
    return NULL;
}

bool work_queue_has_room(const struct work_queue *work_queue)
{
    return queue_has_room(work_queue->queue);
}

void work_queue_put(struct work_queue *work_queue, struct task_batch *batch)
{
    leases_add(work_queue->options.leases, batch);
    if (queue_put(work_queue->queue, batch))
        return;
    leases_remove(work_queue->options.leases, batch);
    free(batch);
}

void work_queue_stop(struct work_queue *work_queue)
{
    atomic_store(&work_queue->deadline.at_ms, (long long)clock_ms() + FINISH_MS);
}

void work_queue_join(struct work_queue *work_queue)
{
    if (!work_queue)
        return;
    if (work_queue->queue)
        queue_close(work_queue->queue);
    for (int i = 0; i < work_queue->started; i++)
        pthread_join(work_queue->executors[i].thread, NULL);
    for (int i = 0; i < WORK_QUEUE_EXECUTORS_MAX; i++) {
        db_destroy(work_queue->executors[i].context.db);
        arena_destroy(work_queue->executors[i].context.arena);
    }
    queue_destroy(work_queue->queue);
    free(work_queue);
}
