#include "bookkeeper.h"
#include "clock.h"
#include "journal.h"
#include "log.h"
#include "metrics.h"
#include "pool.h"
#include "program.h"
#include "statements.h"
#include "stream.h"

enum {
    REAP_EVERY_MS = 1000,
    GATHER_US = 300, /* to be woken for each line takes more time than all the rest (see journal_wait.h) */
    ASK_KERNEL_EVERY_MS = 10 * 1000,
    LOST_AFTER_MS = 60 * 1000, /* a token that is out for longer may be one whose line was lost */
    DOUBT_AFTER_MS = 2 * 1000, /* the same, when it is known that lines may have been lost */
};

static const char summary[] = "Delivery and uploads under /stream, for nginx, over FastCGI on a unix socket.";

/* What the supervisor looks after beside its workers. */
struct keeper {
    const struct config *config;
    struct pool_watch *watch;
    struct stream_context *context;
    struct journal *journal;
    int64_t next_reap_ms, next_ask_ms;
};

static bool begin(void *object)
{
    struct keeper *keeper = object;
    struct stream_context *context = keeper->context;
    context->bucket = bucket_open(keeper->config);
    context->recent = recent_open(keeper->config);
    context->small_files = small_files_create();
    context->views = views_open(keeper->config);
    if (!context->bucket || !context->recent || !context->small_files || !context->views ||
        !media_open(&context->media, keeper->config))
        return false;
    keeper->journal = journal_open(keeper->config, context->bucket, &context->media, context->views);
    if (!keeper->journal)
        return false;
    keeper->watch->fd = journal_fd(keeper->journal);
    journal_follow(keeper->journal); /* what is back already, the first worker can take */
    return true;
}

/* Tokens that the journal will never bring back. */
static void reap(struct keeper *keeper)
{
    struct bucket *bucket = keeper->context->bucket;
    int reaped = bucket_reap(bucket);
    if (reaped > 0)
        log_write(LOG_WARNING, "tokens_reaped", "count=%d reason=\"nginx worker died\"", reaped);
    bool doubt = journal_is_doubtful(keeper->journal);
    if (!doubt && clock_left_ms(keeper->next_ask_ms) > 0)
        return;
    keeper->next_ask_ms = clock_ms() + ASK_KERNEL_EVERY_MS;
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
    struct keeper *keeper = object;
    journal_follow(keeper->journal);
    if (clock_left_ms(keeper->next_reap_ms) > 0)
        return;
    keeper->next_reap_ms = clock_ms() + REAP_EVERY_MS;
    reap(keeper);
    show(keeper->context->bucket);
}

static void worker_ended(void *object, pid_t pid)
{
    struct keeper *keeper = object;
    bucket_worker_ended(keeper->context->bucket, pid);
}

static void end(void *object)
{
    struct keeper *keeper = object;
    journal_close(keeper->journal);
    views_close(keeper->context->views);
    small_files_destroy(keeper->context->small_files);
    recent_close(keeper->context->recent);
    bucket_close(keeper->context->bucket);
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
        {"books", 1, 1, &service, .work = bookkeeper_work, .no_socket = true},
    };
    struct keeper keeper = {.config = &config, .context = &context};
    struct pool_watch watch = {begin, look, worker_ended, end, &keeper, -1, REAP_EVERY_MS, GATHER_US};
    keeper.watch = &watch;
    const struct pool pool = {"fcgi-stream", &config, groups, COUNT_OF(groups), &watch};
    return pool_run(&pool);
}
