#include "lib/process/pool.h"
#include "lib/process/program.h"
#include "lib/process/worker.h"
#include "scheduler/runner/runner.h"
#include "scheduler/scheduler.h"
#include "scheduler/tasks/scheduler_statements.h"

static const char summary[] =
    "Deletes the files of deleted videos and runs periodic sweeps. nginx passes it /scheduler over FastCGI.";

/* The worker process: the runner, and the threads that serve the REST route. */
static bool work(const struct pool_group *group, const struct config *config, int listen_fd)
{
    struct media media;
    if (!media_locate(&media, config))
        return false;
    const struct db_options db = service_db_options(group->service, config);
    struct runner *runner = runner_start(config, &media, &db);
    if (!runner)
        return false;
    bool done = worker_run(group->service, config, listen_fd, group->threads);
    runner_stop(runner);
    return done;
}

int main(int argc, char **argv)
{
    struct config config;
    int exit_status;
    if (!program_begin(argc, argv, summary, &config, &exit_status))
        return exit_status;
    const struct service service = {
        .name = "scheduler",
        .routes = scheduler_routes,
        .statements = scheduler_statements,
        .statement_count = STATEMENT_COUNT,
        .role = "video_scheduler",
    };
    const struct pool_group group = {"scheduler", 1, 1, &service, work};
    const struct pool pool = {"scheduler", &config, &group, 1, NULL};
    return pool_run(&pool);
}
