#include "scheduler/runner/dispatcher.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "scheduler/runner/step.h"

enum {
    KINDS_MAX = 16,
    /* Pause between attempts to reach the database. */
    RECONNECT_MS = 500,
    /* After this long without a notification the dispatcher runs a query, which also
     * finds out whether the connection is dead. */
    IDLE_MS = 30 * 1000
};

/* Why the dispatcher woke up: flags. */
enum { WOKEN_BY_ROOM = 1, WOKEN_BY_NOTIFY = 2, WOKEN_BY_TIMER = 4 };

struct dispatcher {
    struct dispatcher_options options;
    struct db_options db_options;
    struct db *db;
    struct arena *arena;
    int timer_fd;
    /* The last claim failed. */
    bool failed;
    /* db_connection_count at the last dispatch. */
    unsigned connections_seen;
    atomic_bool stopping;
    pthread_t thread;
    struct {
        /* The work queue was full before all due tasks were leased. */
        bool more;
        struct task_cursor cursor;
    } kinds[KINDS_MAX];
};

static void begin_db_work(struct dispatcher *dispatcher)
{
    arena_reset(dispatcher->arena);
    db_begin(dispatcher->db, dispatcher->arena);
}

/* Leases a batch and puts it into its work queue. Returns false if nothing more is
 * due. */
static bool dispatch_batch(struct dispatcher *dispatcher, const struct task_kind *kind,
                           struct task_cursor *cursor)
{
    struct task_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return false; /* The timer retries. */
    batch->kind = kind;
    batch->renewed_ms = clock_ms();
    begin_db_work(dispatcher);
    enum store_outcome outcome = kind->queue->claim(dispatcher->db, dispatcher->options.owner, cursor, batch);
    dispatcher->failed = outcome != STORE_DONE;
    int count = dispatcher->failed ? 0 : batch->count;
    if (count > 0) {
        step_reached("after_claim");
        work_queue_put(dispatcher->options.work_queues[kind->work_queue], batch);
    } else {
        free(batch);
    }
    return count == BATCH_MAX;
}

/* Renews the leases that are due. Called also between batches of a large backlog. */
static void renew_due(struct dispatcher *dispatcher)
{
    if (leases_wait_ms(dispatcher->options.leases) != 0)
        return;
    step_reached("before_renew");
    begin_db_work(dispatcher);
    leases_renew(dispatcher->options.leases, dispatcher->db, dispatcher->options.owner);
}

static void dispatch_kind(struct dispatcher *dispatcher, int at, int woken_by)
{
    const struct task_kind *kind = &task_kinds[at];
    struct task_cursor *cursor = &dispatcher->kinds[at].cursor;
    if (woken_by == WOKEN_BY_ROOM && !dispatcher->kinds[at].more)
        return;
    if (kind->every_s > 0 && !(woken_by & WOKEN_BY_TIMER))
        return;
    if (woken_by != WOKEN_BY_ROOM)
        *cursor = (struct task_cursor){0};
    bool more = true, room;
    while ((room = work_queue_has_room(dispatcher->options.work_queues[kind->work_queue])) && more &&
           !atomic_load(&dispatcher->stopping)) {
        more = dispatch_batch(dispatcher, kind, cursor);
        renew_due(dispatcher);
    }
    dispatcher->kinds[at].more = more && !room;
}

static void dispatch(struct dispatcher *dispatcher, int woken_by)
{
    dispatcher->failed = false;
    dispatcher->connections_seen = db_connection_count(dispatcher->db);
    for (int i = 0; i < task_kind_count && !dispatcher->failed && !atomic_load(&dispatcher->stopping); i++)
        dispatch_kind(dispatcher, i, woken_by);
}

/* The shorter of two waits. A negative other_ms means forever. */
static int shorter_wait_ms(int wait_ms, int other_ms)
{
    return other_ms >= 0 && other_ms < wait_ms ? other_ms : wait_ms;
}

/* Drains an eventfd or timerfd. Returns whether it was readable. */
static bool drain(int fd)
{
    uint64_t count;
    return read(fd, &count, sizeof count) > 0;
}

/* Returns true when a notification has arrived or may have been lost.
 *
 * One may have arrived with the result of a query: then the socket does not become
 * readable. One that was sent before a reconnection is lost. */
static bool is_notified(struct dispatcher *dispatcher)
{
    bool notified = db_consume_notifications(dispatcher->db);
    return notified || db_connection_count(dispatcher->db) != dispatcher->connections_seen;
}

/* Waits until tasks may be due or leases are due for renewal. Returns the WOKEN_BY_*
 * flags: 0 when only leases are due. */
static int wait_for_work(struct dispatcher *dispatcher)
{
    struct pollfd fds[] = {
        {.fd = dispatcher->options.wake_fd, .events = POLLIN},
        {.fd = dispatcher->timer_fd, .events = POLLIN},
        {.fd = db_socket(dispatcher->db), .events = POLLIN},
    };
    bool notified = is_notified(dispatcher);
    int wait_ms = notified ? 0 : dispatcher->failed || fds[2].fd < 0 ? RECONNECT_MS : IDLE_MS;
    wait_ms = shorter_wait_ms(wait_ms, leases_wait_ms(dispatcher->options.leases));
    int ready = poll(fds, COUNT_OF(fds), wait_ms);
    bool room = drain(dispatcher->options.wake_fd), ticked = drain(dispatcher->timer_fd);
    notified |= fds[2].revents && db_consume_notifications(dispatcher->db);
    bool timed_out = ready == 0 && (wait_ms == RECONNECT_MS || wait_ms == IDLE_MS);
    return (room ? WOKEN_BY_ROOM : 0) | (notified ? WOKEN_BY_NOTIFY : 0) |
           (ticked || timed_out ? WOKEN_BY_TIMER : 0);
}

static void *run(void *argument)
{
    struct dispatcher *dispatcher = argument;
    int woken_by = WOKEN_BY_TIMER;
    while (!atomic_load(&dispatcher->stopping)) {
        if (woken_by != 0)
            dispatch(dispatcher, woken_by);
        woken_by = wait_for_work(dispatcher);
        renew_due(dispatcher);
    }
    return NULL;
}

static bool open_timer(struct dispatcher *dispatcher)
{
    int64_t interval_s = dispatcher->options.interval_s;
    const struct itimerspec every = {.it_interval.tv_sec = interval_s, .it_value.tv_sec = interval_s};
    dispatcher->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return dispatcher->timer_fd >= 0 && timerfd_settime(dispatcher->timer_fd, 0, &every, NULL) == 0;
}

static void destroy(struct dispatcher *dispatcher)
{
    if (dispatcher->timer_fd >= 0)
        close(dispatcher->timer_fd);
    db_destroy(dispatcher->db);
    arena_destroy(dispatcher->arena);
    free(dispatcher);
}

struct dispatcher *dispatcher_start(const struct dispatcher_options *options)
{
    struct dispatcher *dispatcher = calloc(1, sizeof *dispatcher);
    if (!dispatcher)
        return NULL;
    dispatcher->options = *options;
    dispatcher->db_options = *options->db;
    dispatcher->db_options.channel = task_channel;
    dispatcher->db = db_create(&dispatcher->db_options);
    dispatcher->arena = arena_create();
    dispatcher->timer_fd = -1;
    if (dispatcher->db && open_timer(dispatcher) &&
        pthread_create(&dispatcher->thread, NULL, run, dispatcher) == 0)
        return dispatcher;
    log_write(LOG_ERROR, "dispatcher_failed", "reason=\"%s\"", strerror(errno));
    destroy(dispatcher);
    return NULL;
}

void dispatcher_stop(struct dispatcher *dispatcher)
{
    static const uint64_t one = 1;
    if (!dispatcher)
        return;
    atomic_store(&dispatcher->stopping, true);
    ssize_t written = write(dispatcher->options.wake_fd, &one, sizeof one);
    (void)written; /* EAGAIN: a wake-up is already pending. */
    pthread_join(dispatcher->thread, NULL);
    destroy(dispatcher);
}
