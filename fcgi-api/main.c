#include <stdlib.h>
#include <unistd.h>

#include "fcgi-api/api.h"
#include "fcgi-api/api_statements.h"
#include "fcgi-api/video_lookup.h"
#include "lib/base/log.h"
#include "lib/process/pool.h"
#include "lib/process/program.h"
#include "lib/process/worker.h"

static const char summary[] = "The REST API under /api, for nginx, over FastCGI on unix sockets.";

/* Threads of the login pool that read, refuse and wait while as many as may be hash. */
enum { LOGIN_OTHERS = 8 };

/* How much the login pool gives way (nice(1)): it gets a third of what those who read get, where there is too
 * little for all. */
enum { LOGIN_NICE = 5 };

static bool use_batch_scheduling(const struct pool_group *group, const struct config *config, int listen_fd)
{
    (void)!nice(LOGIN_NICE); /* the threads inherit it */
    return worker_run(group->service, config, listen_fd, group->threads);
}

int main(int argc, char **argv)
{
    struct config config;
    struct api_context context;
    int exit_status;
    if (!program_begin(argc, argv, summary, &config, &exit_status))
        return exit_status;
    if (!media_locate(&context.media, &config))
        return EXIT_FAILURE;
    context.limiter = limiter_create();
    context.lookups = coalescer_create(&video_lookups);
    password_turns_init(&context.turns, config.password_threads);
    if (!context.limiter || !context.lookups || !password_hash(NULL, &config, "", 0, context.dummy_hash)) {
        log_write(LOG_ERROR, "not_started", "reason=\"no memory to hash a password\"");
        return EXIT_FAILURE;
    }
    const struct service service = {
        .name = "api",
        .routes = api_routes,
        .statements = api_statements,
        .statement_count = STATEMENT_COUNT,
        .session_statement = SESSION_FIND,
        .secret_statement = SECRET_FIND,
        .idempotency = {IDEMPOTENCY_CLAIM, IDEMPOTENCY_FIND, IDEMPOTENCY_SAVE},
        .role = "video_api",
        .context = &context,
    };
    /* Logging in and registering hash a password; nginx sends them to a pool of their own. */
    const struct pool_group groups[] = {
        {"api", (int)config.api_processes, (int)config.api_threads, &service, NULL},
        {"login", 1, (int)config.password_threads + LOGIN_OTHERS, &service, use_batch_scheduling},
    };
    const struct pool pool = {"fcgi-api", &config, groups, COUNT_OF(groups), NULL};
    exit_status = pool_run(&pool);
    coalescer_destroy(context.lookups);
    return exit_status;
}
