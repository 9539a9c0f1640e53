#include "lib/metrics/metrics.h"

#include "lib/metrics/metrics_file.h"

#define KIND(kind) "kind=\"" kind "\""

const struct metric_row metric_rows[METRIC_COUNT] = {
    [METRIC_STREAM_TOKENS_IN_USE] = {"video_server_tokens_in_use", METRIC_GAUGE, "stream", KIND("stream"),
                                     "Tokens in use."},
    [METRIC_UPLOAD_TOKENS_IN_USE] = {"video_server_tokens_in_use", METRIC_GAUGE, "stream", KIND("upload"),
                                     ""},
    [METRIC_STREAM_TOKENS_CAPACITY] = {"video_server_tokens_capacity", METRIC_GAUGE, "stream", KIND("stream"),
                                       "Maximum number of tokens in use at the same time."},
    [METRIC_UPLOAD_TOKENS_CAPACITY] = {"video_server_tokens_capacity", METRIC_GAUGE, "stream", KIND("upload"),
                                       ""},
    [METRIC_STREAM_TOKENS_REJECTED] = {"video_server_tokens_rejected_total", METRIC_COUNTER, "stream",
                                       KIND("stream"), "Requests rejected for lack of a token."},
    [METRIC_UPLOAD_TOKENS_REJECTED] = {"video_server_tokens_rejected_total", METRIC_COUNTER, "stream",
                                       KIND("upload"), ""},
    [METRIC_STREAM_TOKENS_REAPED] = {"video_server_tokens_reaped_total", METRIC_COUNTER, "stream",
                                     KIND("stream"),
                                     "Tokens released because nginx never reported the end of the request."},
    [METRIC_UPLOAD_TOKENS_REAPED] = {"video_server_tokens_reaped_total", METRIC_COUNTER, "stream",
                                     KIND("upload"), ""},
    [METRIC_STREAM_BYTES] = {"video_server_stream_bytes_total", METRIC_COUNTER, "stream", NULL,
                             "Bytes of video files sent."},
    [METRIC_UPLOAD_BYTES] = {"video_server_upload_bytes_total", METRIC_COUNTER, "stream", NULL,
                             "Bytes of video files received."},
    [METRIC_DELETIONS_PENDING] = {"video_server_deletions_pending", METRIC_GAUGE, "api", NULL,
                                  "Files waiting to be deleted."},
    [METRIC_DELETIONS_DEAD] = {"video_server_deletions_dead", METRIC_GAUGE, "api", NULL,
                               "Files whose deletion has failed too often and is left to the operator."},
    [METRIC_DELETIONS_DONE] = {"video_server_deletions_done_total", METRIC_COUNTER, "scheduler", NULL,
                               "Files deleted."},
    [METRIC_PASSWORD_HASH_WAITING] = {"video_server_password_hash_waiting", METRIC_GAUGE, "api", NULL,
                                      "Requests waiting for a password hash."},
    [METRIC_DB_RECONNECTS] = {"video_server_db_reconnects_total", METRIC_COUNTER, NULL, NULL,
                              "Database connections reopened."},
    [METRIC_WORKER_RESTARTS] = {"video_server_worker_restarts_total", METRIC_COUNTER, NULL, NULL,
                                "Worker processes restarted."},
};

/* Private memory without routes until metrics_open, which is called before the first
 * fork. */
static struct metrics_file private_file;
static struct metrics_file *current = &private_file;

bool metrics_open(const struct config *config, const char *service, const char *const *patterns,
                  size_t pattern_count)
{
    struct shared_memory shared;
    if (!metrics_file_create(&shared, config, service, patterns, pattern_count))
        return false;
    current = shared.memory;
    return true;
}

static void add(_Atomic int64_t *counter, int64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

void metrics_add(enum metric metric, int64_t amount)
{
    add(&current->values[metric], amount);
}

void metrics_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&current->values[metric], value, memory_order_relaxed);
}

int64_t metrics_get(enum metric metric)
{
    return atomic_load_explicit(&current->values[metric], memory_order_relaxed);
}

void metrics_count_request(size_t route, int http, int64_t us)
{
    if (route >= current->head.route_count || http < METRICS_STATUS_MIN ||
        http >= METRICS_STATUS_MIN + METRICS_STATUSES)
        return;
    struct metrics_route *counts = &current->routes[route];
    int bucket = 0;
    while (bucket < METRICS_BUCKETS - 1 && us > metrics_bucket_us[bucket])
        bucket++;
    add(&counts->buckets[bucket], 1);
    add(&counts->sum_us, us);
    add(&counts->statuses[http - METRICS_STATUS_MIN], 1);
}
