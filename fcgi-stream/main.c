#include "fcgi-stream/accounting.h"
#include "fcgi-stream/context.h"
#include "fcgi-stream/delivery/small_files.h"
#include "fcgi-stream/routes.h"
#include "fcgi-stream/stream_statements.h"
#include "fcgi-stream/tokens/journal.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/media/media_cache.h"
#include "lib/metrics/metrics.h"
#include "lib/process/pool.h"
#include "lib/process/program.h"

enum {
    REAP_EVERY_MS = 1000,
    GATHER_US = 300, /* to be woken for each line takes more time than all the rest (see journal_wait.h) */
    ASK_KERNEL_EVERY_MS = 10 * 1000,
    LOST_AFTER_MS = 60 * 1000, /* a token that is out for longer may be one whose line was lost */
    DOUBT_AFTER_MS = 2 * 1000, /* the same, when it is known that lines may have been lost */
};

static const char summary[] = "Delivery and uploads under /stream, for nginx, over FastCGI on a unix socket.";

/* What the supervisor looks after beside its workers. */
struct janitor {
    const struct config *config;
    struct pool_hooks *watch;
    struct stream_context *context;
    struct journal *journal;
    int64_t next_reap_ms, next_ask_ms;
};

static bool begin(void *object)
{
    struct janitor *janitor = object;
    struct stream_context *context = janitor->context;
    context->bucket = bucket_open(janitor->config);
    context->media_cache = media_cache_open(janitor->config);
    context->small_files = small_files_create();
    context->views = views_open(janitor->config);
    if (!context->bucket || !context->media_cache || !context->small_files || !context->views ||
        !media_open(&context->media, janitor->config))
        return false;
    janitor->journal = journal_open(janitor->config, context->bucket, &context->media, context->views);
    if (!janitor->journal)
        return false;
    janitor->watch->fd = journal_fd(janitor->journal);
    journal_follow(janitor->journal); /* what is back already, the first worker can take */
    return true;
}

/* Tokens that the journal will never bring back. */
static void reap(struct janitor *janitor)
{
    struct bucket *bucket = janitor->context->bucket;
    int reaped = bucket_reap(bucket);
    if (reaped > 0)
        log_write(LOG_WARNING, "tokens_reaped", "count=%d reason=\"nginx worker died\"", reaped);
    bool doubt = journal_may_have_lost_lines(janitor->journal);
    if (!doubt && clock_left_ms(janitor->next_ask_ms) > 0)
        return;
    janitor->next_ask_ms = clock_ms() + ASK_KERNEL_EVERY_MS;
    reaped = bucket_reap_connections(bucket, doubt ? DOUBT_AFTER_MS : LOST_AFTER_MS);
    if (reaped > 0)
        log_write(LOG_WARNING, "tokens_reaped", "count=%d reason=\"connection is gone\"", reaped);
}

static void show(const struct bucket *bucket)
{
    metrics_set(METRIC_STREAM_TOKENS_IN_USE, bucket_in_use(bucket, BUCKET_STREAM));
    metrics_set(METRIC_UPLOAD_TOKENS_IN_USE, bucket_in_use(bucket, BUCKET_UPLOAD));
    metrics_set(METRIC_STREAM_TOKENS_CAPACITY, bucket_capacity(bucket, BUCKET_STREAM));
    metrics_set(METRIC_UPLOAD_TOKENS_CAPACITY, bucket_capacity(bucket, BUCKET_UPLOAD));
}

static void look(void *object)
{
    struct janitor *janitor = object;
    journal_follow(janitor->journal);
    if (clock_left_ms(janitor->next_reap_ms) > 0)
        return;
    janitor->next_reap_ms = clock_ms() + REAP_EVERY_MS;
    reap(janitor);
    show(janitor->context->bucket);
}

static void worker_ended(void *object, pid_t pid)
{
    struct janitor *janitor = object;
    bucket_worker_ended(janitor->context->bucket, pid);
}

static void end(void *object)
{
    struct janitor *janitor = object;
    journal_close(janitor->journal);
    views_close(janitor->context->views);
    small_files_destroy(janitor->context->small_files);
    media_cache_close(janitor->context->media_cache);
    bucket_close(janitor->context->bucket);
}

int main(int argc, char **argv)
{
    struct config config;
    int exit_status;
    if (!program_begin(argc, argv, summary, &config, &exit_status))
        return exit_status;
    struct stream_context context = {0};
    const struct service service = {
        .name = "stream",
        .routes = stream_routes,
        .statements = stream_statements,
        .statement_count = STATEMENT_COUNT,
        .session_statement = SESSION_FIND,
        .role = "video_stream",
        .context = &context,
    };
    const struct pool_group groups[] = {
        {"stream", (int)config.stream_processes, (int)config.stream_threads, &service},
        {"upload", (int)config.upload_processes, (int)config.upload_threads, &service},
        {"accounting", 1, 1, &service, .work = accounting_work, .no_socket = true},
    };
    struct janitor janitor = {.config = &config, .context = &context};
    struct pool_hooks watch = {begin, look, worker_ended, end, &janitor, -1, REAP_EVERY_MS, GATHER_US};
    janitor.watch = &watch;
    const struct pool pool = {"fcgi-stream", &config, groups, COUNT_OF(groups), &watch};
    return pool_run(&pool);
}
