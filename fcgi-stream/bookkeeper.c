#include "bookkeeper.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "arrivals.h"
#include "clock.h"
#include "log.h"
#include "reservation.h"
#include "view_counter.h"

enum {
    EVERY_S = 1,
    SETTLE_MS = 5000, /* what a worker has sent to the database may be done a moment after its death */
};

struct bookkeeper {
    struct view_counter counter;
    const struct stream_context *context;
    uint64_t releases; /* of uploads' tokens, when it was last looked what has become of them */
    bool looked, settled;
    int64_t settled_ms;
};

/* Once an upload's token is back, what was set aside for it is looked after, and a while later again. */
static void look_after_reservations(struct bookkeeper *keeper)
{
    uint64_t releases = bucket_releases(keeper->context->bucket, BUCKET_UPLOAD);
    if (!keeper->looked || releases != keeper->releases) {
        keeper->settled = false;
        keeper->settled_ms = clock_ms() + SETTLE_MS;
    } else if (keeper->settled || clock_left_ms(keeper->settled_ms) > 0) {
        return;
    } else {
        keeper->settled = true;
    }
    arena_reset(keeper->counter.arena);
    db_begin(keeper->counter.db, keeper->counter.arena);
    int taken;
    keeper->looked = reservation_take_back(keeper->counter.db, keeper->context, &taken) == STORE_DONE;
    keeper->releases = releases;
}

/* Until a signal says stop; what is there then is still done. */
static void run(struct bookkeeper *keeper)
{
    const struct timespec pause = {.tv_sec = EVERY_S};
    sigset_t stop;
    bool stopped;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    do {
        stopped = sigtimedwait(&stop, NULL, &pause) > 0;
        view_counter_count(&keeper->counter);
        look_after_reservations(keeper);
    } while (!stopped);
}

/* A thread of its own: who hands something to the disk may have to wait. */
struct lookout {
    struct arrivals *arrivals;
    int stop_fd; /* readable when it is to end */
    pthread_t thread;
};

static void *look_out(void *object)
{
    struct lookout *lookout = object;
    struct pollfd fds[] = {{.fd = lookout->stop_fd, .events = POLLIN},
                           {.fd = arrivals_fd(lookout->arrivals), .events = POLLIN}};
    while (!(fds[0].revents & POLLIN))
        poll(fds, COUNT_OF(fds), arrivals_look(lookout->arrivals));
    return NULL;
}

/* Without it uploads only take a little longer. */
static void lookout_start(struct lookout *lookout, const struct media *media)
{
    lookout->arrivals = arrivals_open(media);
    lookout->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (!lookout->arrivals)
        return;
    if (lookout->stop_fd >= 0 && pthread_create(&lookout->thread, NULL, look_out, lookout) == 0)
        return;
    log_write(LOG_WARNING, "arrivals_failed", "reason=\"no thread\"");
    arrivals_close(lookout->arrivals);
    lookout->arrivals = NULL;
}

static void lookout_stop(struct lookout *lookout)
{
    if (lookout->arrivals && eventfd_write(lookout->stop_fd, 1) == 0) {
        pthread_join(lookout->thread, NULL);
        arrivals_close(lookout->arrivals);
    }
    if (lookout->stop_fd >= 0)
        close(lookout->stop_fd);
}

bool bookkeeper_work(const struct pool_group *group, const struct config *config, int listen_fd)
{
    const struct stream_context *context = group->service->context;
    const struct db_options options = service_db_options(group->service, config);
    static struct bookkeeper keeper;
    struct lookout lookout;
    (void)listen_fd;
    keeper.context = context;
    keeper.counter.views = context->views;
    keeper.counter.arena = arena_create();
    keeper.counter.db = db_create(&options);
    if (!keeper.counter.arena || !keeper.counter.db)
        return false;
    lookout_start(&lookout, &context->media);
    run(&keeper);
    lookout_stop(&lookout);
    db_destroy(keeper.counter.db);
    arena_destroy(keeper.counter.arena);
    return true;
}
