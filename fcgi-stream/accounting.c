#include "fcgi-stream/accounting.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "fcgi-stream/context.h"
#include "fcgi-stream/tokens/bucket.h"
#include "fcgi-stream/uploads/early_writeback.h"
#include "fcgi-stream/uploads/reservation.h"
#include "fcgi-stream/views/view_counter.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

enum {
    INTERVAL_S = 1,
    SETTLE_MS = 5000, /* a dead worker's last statement may be executed after its death */
};

struct accounting {
    struct view_counter counter;
    const struct stream_context *context;
    uint64_t releases;  /* of upload tokens, at the last reclaim */
    bool reclaimed;     /* the last reclaim succeeded */
    bool settled;       /* reclaimed once more after SETTLE_MS */
    int64_t settled_ms; /* when that is due */
};

/* Reclaims reservations after upload tokens were released, and once more after
 * SETTLE_MS. */
static void reclaim_reservations(struct accounting *accounting)
{
    uint64_t releases = bucket_releases(accounting->context->bucket, BUCKET_UPLOAD);
    if (!accounting->reclaimed || releases != accounting->releases) {
        accounting->settled = false;
        accounting->settled_ms = clock_ms() + SETTLE_MS;
    } else if (accounting->settled || clock_left_ms(accounting->settled_ms) > 0) {
        return;
    } else {
        accounting->settled = true;
    }
    arena_reset(accounting->counter.arena);
    db_begin(accounting->counter.db, accounting->counter.arena);
    int count;
    accounting->reclaimed =
        reservation_reclaim(accounting->counter.db, accounting->context, &count) == STORE_DONE;
    accounting->releases = releases;
}

/* Runs until SIGTERM or SIGINT, with one last round after it. */
static void run(struct accounting *accounting)
{
    const struct timespec interval = {.tv_sec = INTERVAL_S};
    sigset_t stop;
    bool stopped;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    do {
        stopped = sigtimedwait(&stop, NULL, &interval) > 0;
        view_counter_count(&accounting->counter);
        reclaim_reservations(accounting);
    } while (!stopped);
}

/* Runs early_writeback, which may block on the disk. */
struct writeback_thread {
    struct early_writeback *writeback; /* NULL: not running */
    int stop_fd;                       /* readable when the thread is to end */
    pthread_t thread;
};

static void *run_writeback(void *object)
{
    struct writeback_thread *thread = object;
    struct pollfd fds[] = {{.fd = thread->stop_fd, .events = POLLIN},
                           {.fd = early_writeback_fd(thread->writeback), .events = POLLIN}};
    while (!(fds[0].revents & POLLIN))
        poll(fds, COUNT_OF(fds), early_writeback_step(thread->writeback));
    return NULL;
}

/* Failure is harmless: uploads take a little longer. */
static void writeback_thread_start(struct writeback_thread *thread, const struct media *media)
{
    thread->writeback = early_writeback_open(media);
    thread->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (!thread->writeback)
        return;
    if (thread->stop_fd >= 0 && pthread_create(&thread->thread, NULL, run_writeback, thread) == 0)
        return;
    log_write(LOG_WARNING, "early_writeback_failed", "reason=\"cannot start a thread\"");
    early_writeback_close(thread->writeback);
    thread->writeback = NULL;
}

static void writeback_thread_stop(struct writeback_thread *thread)
{
    if (thread->writeback && eventfd_write(thread->stop_fd, 1) == 0) {
        pthread_join(thread->thread, NULL);
        early_writeback_close(thread->writeback);
    }
    if (thread->stop_fd >= 0)
        close(thread->stop_fd);
}

bool accounting_work(const struct pool_group *group, const struct config *config, int listen_fd)
{
    const struct stream_context *context = group->service->context;
    const struct db_options options = service_db_options(group->service, config);
    static struct accounting accounting;
    struct writeback_thread thread;
    (void)listen_fd;
    accounting.context = context;
    accounting.counter.views = context->views;
    accounting.counter.arena = arena_create();
    accounting.counter.db = db_create(&options);
    if (!accounting.counter.arena || !accounting.counter.db)
        return false;
    writeback_thread_start(&thread, &context->media);
    run(&accounting);
    writeback_thread_stop(&thread);
    db_destroy(accounting.counter.db);
    arena_destroy(accounting.counter.arena);
    return true;
}
