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
    EVERY_S = 1,
    SETTLE_MS = 5000, /* what a worker has sent to the database may be done a moment after its death */
};

struct accounting {
    struct view_counter counter;
    const struct stream_context *context;
    uint64_t releases; /* of uploads' tokens, when it was last looked what has become of them */
    bool looked, settled;
    int64_t settled_ms;
};

/* Once an upload's token is back, what was set aside for it is looked after, and a while later again. */
static void look_after_reservations(struct accounting *accounting)
{
    uint64_t releases = bucket_releases(accounting->context->bucket, BUCKET_UPLOAD);
    if (!accounting->looked || releases != accounting->releases) {
        accounting->settled = false;
        accounting->settled_ms = clock_ms() + SETTLE_MS;
    } else if (accounting->settled || clock_left_ms(accounting->settled_ms) > 0) {
        return;
    } else {
        accounting->settled = true;
    }
    arena_reset(accounting->counter.arena);
    db_begin(accounting->counter.db, accounting->counter.arena);
    int taken;
    accounting->looked =
        reservation_reclaim(accounting->counter.db, accounting->context, &taken) == STORE_DONE;
    accounting->releases = releases;
}

/* Until a signal says stop; what is there then is still done. */
static void run(struct accounting *accounting)
{
    const struct timespec pause = {.tv_sec = EVERY_S};
    sigset_t stop;
    bool stopped;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    do {
        stopped = sigtimedwait(&stop, NULL, &pause) > 0;
        view_counter_count(&accounting->counter);
        look_after_reservations(accounting);
    } while (!stopped);
}

/* A thread of its own: who hands something to the disk may have to wait. */
struct lookout {
    struct early_writeback *writeback;
    int stop_fd; /* readable when it is to end */
    pthread_t thread;
};

static void *look_out(void *object)
{
    struct lookout *lookout = object;
    struct pollfd fds[] = {{.fd = lookout->stop_fd, .events = POLLIN},
                           {.fd = early_writeback_fd(lookout->writeback), .events = POLLIN}};
    while (!(fds[0].revents & POLLIN))
        poll(fds, COUNT_OF(fds), early_writeback_step(lookout->writeback));
    return NULL;
}

/* Without it uploads only take a little longer. */
static void lookout_start(struct lookout *lookout, const struct media *media)
{
    lookout->writeback = early_writeback_open(media);
    lookout->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (!lookout->writeback)
        return;
    if (lookout->stop_fd >= 0 && pthread_create(&lookout->thread, NULL, look_out, lookout) == 0)
        return;
    log_write(LOG_WARNING, "early_writeback_failed", "reason=\"no thread\"");
    early_writeback_close(lookout->writeback);
    lookout->writeback = NULL;
}

static void lookout_stop(struct lookout *lookout)
{
    if (lookout->writeback && eventfd_write(lookout->stop_fd, 1) == 0) {
        pthread_join(lookout->thread, NULL);
        early_writeback_close(lookout->writeback);
    }
    if (lookout->stop_fd >= 0)
        close(lookout->stop_fd);
}

bool accounting_work(const struct pool_group *group, const struct config *config, int listen_fd)
{
    const struct stream_context *context = group->service->context;
    const struct db_options options = service_db_options(group->service, config);
    static struct accounting accounting;
    struct lookout lookout;
    (void)listen_fd;
    accounting.context = context;
    accounting.counter.views = context->views;
    accounting.counter.arena = arena_create();
    accounting.counter.db = db_create(&options);
    if (!accounting.counter.arena || !accounting.counter.db)
        return false;
    lookout_start(&lookout, &context->media);
    run(&accounting);
    lookout_stop(&lookout);
    db_destroy(accounting.counter.db);
    arena_destroy(accounting.counter.arena);
    return true;
}
