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
    REAP_INTERVAL_MS = 1000,
    BATCH_US = 300, /* collects journal lines; one wake-up per line costs more */
    CONNECTION_INTERVAL_MS = 10 * 1000,
    /* Tokens older than this are checked: is their client still connected? */
    CONNECTION_AGE_MS = 60 * 1000,
    /* The same while journal lines may have been lost. */
    CONNECTION_AGE_DOUBT_MS = 2 * 1000,
};

static const char summary[] =
    "Serves /stream, video delivery and uploads, to nginx over FastCGI on unix sockets.";

/* The janitor: the part of the supervisor that reads the journal and reaps tokens. */
struct janitor {
    const struct config *config;
    struct pool_hooks *watch;
    struct stream_context *context;
    struct journal *journal;
    int64_t next_reap_ms, next_connection_check_ms;
};

static bool janitor_start(void *object)
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
    journal_follow(janitor->journal); /* releases tokens before the first worker starts */
    return true;
}

/* Releases tokens that no journal line will release. */
static void reap(struct janitor *janitor)
{
    struct bucket *bucket = janitor->context->bucket;
    int reaped = bucket_reap(bucket);
    if (reaped > 0)
        log_write(LOG_WARNING, "tokens_reaped", "count=%d reason=\"nginx worker died\"", reaped);
    bool doubt = journal_may_have_lost_lines(janitor->journal);
    if (!doubt && clock_left_ms(janitor->next_connection_check_ms) > 0)
        return;
    janitor->next_connection_check_ms = clock_ms() + CONNECTION_INTERVAL_MS;
    reaped = bucket_reap_connections(bucket, doubt ? CONNECTION_AGE_DOUBT_MS : CONNECTION_AGE_MS);
    if (reaped > 0)
        log_write(LOG_WARNING, "tokens_reaped", "count=%d reason=\"client connection closed\"", reaped);
}

static void publish_metrics(const struct bucket *bucket)
{
    metrics_set(METRIC_STREAM_TOKENS_IN_USE, bucket_in_use(bucket, BUCKET_STREAM));
    metrics_set(METRIC_UPLOAD_TOKENS_IN_USE, bucket_in_use(bucket, BUCKET_UPLOAD));
    metrics_set(METRIC_STREAM_TOKENS_CAPACITY, bucket_capacity(bucket, BUCKET_STREAM));
    metrics_set(METRIC_UPLOAD_TOKENS_CAPACITY, bucket_capacity(bucket, BUCKET_UPLOAD));
}

static void janitor_run(void *object)
{
    struct janitor *janitor = object;
    journal_follow(janitor->journal);
    if (clock_left_ms(janitor->next_reap_ms) > 0)
        return;
    janitor->next_reap_ms = clock_ms() + REAP_INTERVAL_MS;
    reap(janitor);
    publish_metrics(janitor->context->bucket);
}

static void janitor_worker_ended(void *object, pid_t pid)
{
    struct janitor *janitor = object;
    bucket_worker_ended(janitor->context->bucket, pid);
}

static void janitor_stop(void *object)
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
    struct pool_hooks watch = {janitor_start, janitor_run, janitor_worker_ended, janitor_stop,
                               &janitor,      -1,          REAP_INTERVAL_MS,     BATCH_US};
    janitor.watch = &watch;
    const struct pool pool = {"fcgi-stream", &config, groups, COUNT_OF(groups), &watch};
    return pool_run(&pool);
}
