#include "scheduler/runner/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "lib/base/log.h"
#include "scheduler/runner/dispatcher.h"

/* Caps the database timeout of the settings: a query must end before a lease expires, and
 * soon when the daemon stops. */
enum { DB_TIMEOUT_MAX_MS = 2000 };

struct runner {
    struct db_options db;
    char owner[OWNER_SIZE];
    int wake_fd;
    struct leases *leases;
    struct work_queue *work_queues[WORK_QUEUE_COUNT];
    struct dispatcher *dispatcher;
};

static bool start_work_queues(struct runner *runner, const struct config *config, const struct media *media)
{
    for (int i = 0; i < WORK_QUEUE_COUNT; i++) {
        const struct work_queue_options options = {.executors = work_queue_executors[i],
                                                   .config = config,
                                                   .media = media,
                                                   .db = &runner->db,
                                                   .owner = runner->owner,
                                                   .leases = runner->leases,
                                                   .wake_fd = runner->wake_fd};
        runner->work_queues[i] = work_queue_start(&options);
        if (!runner->work_queues[i])
            return false;
    }
    return true;
}

static bool start(struct runner *runner, const struct config *config, const struct media *media)
{
    runner->leases = leases_create();
    runner->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!runner->leases || runner->wake_fd < 0) {
        log_write(LOG_ERROR, "runner_failed", "reason=\"%s\"", strerror(errno));
        return false;
    }
    if (!start_work_queues(runner, config, media))
        return false;
    const struct dispatcher_options options = {&runner->db,    config->scheduler_interval_s, runner->owner,
                                               runner->leases, runner->work_queues,          runner->wake_fd};
    runner->dispatcher = dispatcher_start(&options);
    return runner->dispatcher != NULL;
}

struct runner *runner_start(const struct config *config, const struct media *media,
                            const struct db_options *db)
{
    uuid_t owner;
    struct runner *runner = calloc(1, sizeof *runner);
    if (!runner)
        return NULL;
    runner->db = *db;
    runner->db.async_commit = true;
    if (runner->db.timeout_ms > DB_TIMEOUT_MAX_MS)
        runner->db.timeout_ms = DB_TIMEOUT_MAX_MS;
    runner->wake_fd = -1;
    uuid_generate_random(owner);
    uuid_unparse_lower(owner, runner->owner);
    if (start(runner, config, media))
        return runner;
    runner_stop(runner);
    return NULL;
}

void runner_stop(struct runner *runner)
{
    for (int i = 0; i < WORK_QUEUE_COUNT; i++)
        if (runner->work_queues[i])
            work_queue_stop(runner->work_queues[i]);
    log_write(LOG_INFO, "runner_ending", "owner=%s", runner->owner);
    dispatcher_stop(runner->dispatcher);
    for (int i = 0; i < WORK_QUEUE_COUNT; i++)
        work_queue_join(runner->work_queues[i]);
    leases_destroy(runner->leases);
    if (runner->wake_fd >= 0)
        close(runner->wake_fd);
    free(runner);
}
