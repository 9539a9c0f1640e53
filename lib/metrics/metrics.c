#include "lib/metrics/metrics.h"

#include "lib/metrics/metrics_file.h"

#define KIND(kind) "kind=\"" kind "\""

const struct metric_row metric_rows[METRIC_COUNT] = {
    [METRIC_STREAM_TOKENS_IN_USE] = {"video_server_tokens_in_use", METRIC_GAUGE, "stream", KIND("stream"),
                                     "Tokens that are out."},
    [METRIC_UPLOAD_TOKENS_IN_USE] = {"video_server_tokens_in_use", METRIC_GAUGE, "stream", KIND("upload"),
                                     ""},
    [METRIC_STREAM_TOKENS_CAPACITY] = {"video_server_tokens_capacity", METRIC_GAUGE, "stream", KIND("stream"),
                                       "Tokens that may be out at one time."},
    [METRIC_UPLOAD_TOKENS_CAPACITY] = {"video_server_tokens_capacity", METRIC_GAUGE, "stream", KIND("upload"),
                                       ""},
    [METRIC_STREAM_TOKENS_REJECTED] = {"video_server_tokens_rejected_total", METRIC_COUNTER, "stream",
                                       KIND("stream"), "Requests that got no token."},
    [METRIC_UPLOAD_TOKENS_REJECTED] = {"video_server_tokens_rejected_total", METRIC_COUNTER, "stream",
                                       KIND("upload"), ""},
    [METRIC_STREAM_TOKENS_REAPED] = {"video_server_tokens_reaped_total", METRIC_COUNTER, "stream",
                                     KIND("stream"), "Tokens taken back from clients that nginx lost."},
    [METRIC_UPLOAD_TOKENS_REAPED] = {"video_server_tokens_reaped_total", METRIC_COUNTER, "stream",
                                     KIND("upload"), ""},
    [METRIC_STREAM_BYTES] = {"video_server_stream_bytes_total", METRIC_COUNTER, "stream", NULL,
                             "Bytes of videos sent."},
    [METRIC_UPLOAD_BYTES] = {"video_server_upload_bytes_total", METRIC_COUNTER, "stream", NULL,
                             "Bytes of videos received."},
    [METRIC_DELETIONS_PENDING] = {"video_server_deletions_pending", METRIC_GAUGE, "api", NULL,
                                  "Files that are to be removed."},
    [METRIC_DELETIONS_DEAD] = {"video_server_deletions_dead", METRIC_GAUGE, "api", NULL,
                               "Files that could not be removed and are left to a person."},
    [METRIC_DELETIONS_DONE] = {"video_server_deletions_done_total", METRIC_COUNTER, "scheduler", NULL,
                               "Files removed."},
    [METRIC_PASSWORD_HASH_WAITING] = {"video_server_password_hash_waiting", METRIC_GAUGE, "api", NULL,
                                      "Requests that wait for a password to be hashed."},
    [METRIC_DB_RECONNECTS] = {"video_server_db_reconnects_total", METRIC_COUNTER, NULL, NULL,
                              "Connections to the database made anew after one was lost."},
    [METRIC_WORKER_RESTARTS] = {"video_server_worker_restarts_total", METRIC_COUNTER, NULL, NULL,
                                "Worker processes started in the place of one that ended."},
};

/* Set before the first fork, like the log's level; has no routes until then. */
static struct metrics_file unopened;
static struct metrics_file *current = &unopened;

bool metrics_open(const struct config *config, const char *service, const char *const *patterns,
                  size_t pattern_count)
{
    struct shared_memory shared;
    if (!metrics_file_create(&shared, config, service, patterns, pattern_count))
        return false;
    current = shared.memory;
    return true;
}

static void add(_Atomic int64_t *cell, int64_t amount)
{
    atomic_fetch_add_explicit(cell, amount, memory_order_relaxed);
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

void metrics_request(size_t route, int http, int64_t us)
{
    if (route >= current->head.route_count || http < METRICS_STATUS_MIN ||
        http >= METRICS_STATUS_MIN + METRICS_STATUSES)
        return;
    struct metrics_route *cells = &current->routes[route];
    int bucket = 0;
    while (bucket < METRICS_BUCKETS - 1 && us > metrics_bucket_us[bucket])
        bucket++;
    add(&cells->buckets[bucket], 1);
    add(&cells->sum_us, us);
    add(&cells->statuses[http - METRICS_STATUS_MIN], 1);
}
