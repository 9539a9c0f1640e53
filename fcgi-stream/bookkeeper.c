#include "bookkeeper.h"

#include <signal.h>
#include <time.h>

#include "clock.h"
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

bool bookkeeper_work(const struct pool_group *group, const struct config *config, int listen_fd)
{
    const struct stream_context *context = group->service->context;
    const struct db_options options = service_db_options(group->service, config);
    static struct bookkeeper keeper;
    (void)listen_fd;
    keeper.context = context;
    keeper.counter.views = context->views;
    keeper.counter.arena = arena_create();
    keeper.counter.db = db_create(&options);
    if (!keeper.counter.arena || !keeper.counter.db)
        return false;
    run(&keeper);
    db_destroy(keeper.counter.db);
    arena_destroy(keeper.counter.arena);
    return true;
}
