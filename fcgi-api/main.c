#include <stdlib.h>
#include <unistd.h>

#include "fcgi-api/api.h"
#include "fcgi-api/api_statements.h"
#include "fcgi-api/video_lookup.h"
#include "lib/base/log.h"
#include "lib/process/pool.h"
#include "lib/process/program.h"
#include "lib/process/worker.h"

static const char summary[] = "Serves the REST API under /api to nginx, over FastCGI on Unix sockets.";

/* Threads of the login pool that read, reject or wait while the others hash. */
enum { LOGIN_EXTRA_THREADS = 8 };

/* The niceness of the login pool. On a busy CPU, its threads get about a third of the
 * time that a thread of the API pool gets. */
enum { LOGIN_NICE = 5 };

static bool run_at_low_priority(const struct pool_group *group, const struct config *config, int listen_fd)
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
    context.lookups = coalescer_create(&video_lookup_kind);
    password_slots_init(&context.hash_slots, config.password_threads);
    if (!context.limiter || !context.lookups || !password_hash(NULL, &config, "", 0, context.dummy_hash)) {
        log_write(LOG_ERROR, "start_failed", "reason=\"out of memory\"");
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
    /* nginx sends the requests that hash a password to the login pool. */
    const struct pool_group groups[] = {
        {"api", (int)config.api_processes, (int)config.api_threads, &service, NULL},
        {"login", 1, (int)config.password_threads + LOGIN_EXTRA_THREADS, &service, run_at_low_priority},
    };
    const struct pool pool = {"fcgi-api", &config, groups, COUNT_OF(groups), NULL};
    exit_status = pool_run(&pool);
    coalescer_destroy(context.lookups);
    return exit_status;
}
