#include "dispatcher.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "deletion_store.h"
#include "log.h"

struct dispatcher {
    struct queue *queue;
    struct db *db;
    struct arena *arena;
    int timer_fd, stop_fd;
    pthread_t thread;
};

/* Claims and queues until nothing more is due. */
static void dispatch_due(struct dispatcher *dispatcher)
{
    int count;
    do {
        struct batch *batch = malloc(sizeof *batch);
        if (!batch)
            return; /* the timer tries again */
        arena_reset(dispatcher->arena);
        db_begin(dispatcher->db, dispatcher->arena);
        enum store_outcome outcome = deletion_store_claim(dispatcher->db, batch);
        count = outcome == STORE_DONE ? batch->count : 0;
        if (count == 0 || !queue_put(dispatcher->queue, batch)) {
            free(batch);
            return;
        }
    } while (count == BATCH_MAX);
}

/* Waits until something may be due. False: it is time to end. */
static bool wait_for_work(struct dispatcher *dispatcher)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = dispatcher->stop_fd, .events = POLLIN},
            {.fd = dispatcher->timer_fd, .events = POLLIN},
            {.fd = db_socket(dispatcher->db), .events = POLLIN},
        };
        uint64_t ticks;
        /* One may have come with the answer to a query, and then the socket is silent. */
        if (db_take_notifications(dispatcher->db))
            return true;
        if (poll(fds, COUNT_OF(fds), -1) < 0 && errno != EINTR)
            return false;
        if (fds[0].revents)
            return false;
        bool notified = fds[2].revents && db_take_notifications(dispatcher->db);
        bool ticked = read(dispatcher->timer_fd, &ticks, sizeof ticks) > 0;
        if (notified || ticked)
            return true;
    }
}

static void *run(void *argument)
{
    struct dispatcher *dispatcher = argument;
    do
        dispatch_due(dispatcher);
    while (wait_for_work(dispatcher));
    return NULL;
}

static bool open_timer(struct dispatcher *dispatcher, int64_t interval_s)
{
    const struct itimerspec every = {.it_interval.tv_sec = interval_s, .it_value.tv_sec = interval_s};
    dispatcher->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    dispatcher->stop_fd = eventfd(0, EFD_CLOEXEC);
    return dispatcher->timer_fd >= 0 && dispatcher->stop_fd >= 0 &&
           timerfd_settime(dispatcher->timer_fd, 0, &every, NULL) == 0;
}

static void destroy(struct dispatcher *dispatcher)
{
    close(dispatcher->timer_fd);
    close(dispatcher->stop_fd);
    db_destroy(dispatcher->db);
    arena_destroy(dispatcher->arena);
    free(dispatcher);
}

struct dispatcher *dispatcher_start(const struct db_options *db, int64_t interval_s, struct queue *queue)
{
    struct dispatcher *dispatcher = calloc(1, sizeof *dispatcher);
    if (!dispatcher)
        return NULL;
    struct db_options options = *db;
    options.channel = "video_deletions";
    *dispatcher = (struct dispatcher){
        .queue = queue, .db = db_create(&options), .arena = arena_create(), .timer_fd = -1, .stop_fd = -1};
    if (dispatcher->db && open_timer(dispatcher, interval_s) &&
        pthread_create(&dispatcher->thread, NULL, run, dispatcher) == 0)
        return dispatcher;
    log_write(LOG_ERROR, "dispatcher_failed", "reason=\"%s\"", strerror(errno));
    destroy(dispatcher);
    return NULL;
}

void dispatcher_stop(struct dispatcher *dispatcher)
{
    static const uint64_t one = 1;
    /* First the queue: the thread may be waiting for room in it. */
    queue_close(dispatcher->queue);
    ssize_t written = write(dispatcher->stop_fd, &one, sizeof one);
    (void)written; /* an eventfd at 0 has room */
    pthread_join(dispatcher->thread, NULL);
    destroy(dispatcher);
}
