#include "lib/metrics/metrics.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/metrics/metrics_file.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

enum { PROCESSES = 4, ROUNDS = 20000 };

static struct config config;
static const char *const patterns[] = {"/videos", "/videos/:vid"};

static bool reopen(void)
{
    return metrics_open(&config, "api", patterns, COUNT_OF(patterns));
}

/* Reads a value from the file, as another process would; -1 without a file. */
static int64_t read_value(enum metric metric)
{
    struct shared_memory shared;
    if (!metrics_file_attach(&shared, &config, "api"))
        return -1;
    const struct metrics_file *file = shared.memory;
    int64_t value = file->values[metric];
    shared_memory_close(&shared);
    return value;
}

static struct metrics_route read_route(size_t route)
{
    struct metrics_route counts = {0};
    struct shared_memory shared;
    if (metrics_file_attach(&shared, &config, "api")) {
        const struct metrics_file *file = shared.memory;
        memcpy(&counts, &file->routes[route], sizeof counts);
        shared_memory_close(&shared);
    }
    return counts;
}

static void test_unopened(void)
{
    metrics_add(METRIC_DB_RECONNECTS, 2);
    metrics_count_request(METRICS_NO_ROUTE, 200, 1);
    metrics_count_request(1, 200, 1);
    is_int(metrics_get(METRIC_DB_RECONNECTS), 2, "without a file the process counts in its own memory");
    is_int(read_value(METRIC_DB_RECONNECTS), -1, "counting without a file creates none");
}

static void test_values(void)
{
    ok(reopen(), "metrics_open creates the file");
    is_int(metrics_get(METRIC_DB_RECONNECTS), 0, "a new file starts at 0");
    metrics_add(METRIC_DB_RECONNECTS, 1);
    metrics_add(METRIC_DB_RECONNECTS, 3);
    metrics_set(METRIC_STREAM_TOKENS_IN_USE, 7);
    metrics_set(METRIC_STREAM_TOKENS_IN_USE, 5);
    is_int(read_value(METRIC_DB_RECONNECTS), 4, "other processes see what is added");
    is_int(read_value(METRIC_STREAM_TOKENS_IN_USE), 5, "other processes see what is set");
    is_int(read_value(METRIC_WORKER_RESTARTS), 0, "other metrics are unchanged");
    ok(reopen(), "metrics_open maps an existing file");
    is_int(metrics_get(METRIC_DB_RECONNECTS), 4, "counting continues after a restart");
}

static void test_requests(void)
{
    static const struct {
        int64_t us;
        size_t bucket;
    } rows[] = {{0, 0}, {500, 0}, {501, 1}, {10000000, 13}, {10000001, 14}, {INT64_C(1) << 40, 14}};
    int64_t sum = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t before = read_route(2).buckets[rows[i].bucket];
        metrics_count_request(2, 200, rows[i].us);
        sum += rows[i].us;
        is_int(read_route(2).buckets[rows[i].bucket], before + 1,
               "a request of %lld us is counted in its bucket", (long long)rows[i].us);
    }
    struct metrics_route counts = read_route(2);
    is_int(counts.statuses[200 - METRICS_STATUS_MIN], COUNT_OF(rows), "requests are counted by status");
    is_int(counts.sum_us, sum, "the durations are summed");
    metrics_count_request(METRICS_NO_ROUTE, 404, 1);
    is_int(read_route(METRICS_NO_ROUTE).statuses[404 - METRICS_STATUS_MIN], 1,
           "a request without a route is counted");
    is_int(read_route(1).sum_us, 0, "other routes are unchanged");
    metrics_count_request(1, 99, 1);
    metrics_count_request(1, 600, 1);
    metrics_count_request(3, 200, 1);
    is_int(read_route(1).sum_us, 0, "an invalid status or route is not counted");
}

static void count_forever(void)
{
    for (;;) {
        metrics_count_request(1, 201, 1);
        metrics_add(METRIC_UPLOAD_BYTES, 1);
    }
}

static void test_processes(void)
{
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        for (int round = 0; pids[i] == 0 && round < ROUNDS; round++) {
            metrics_count_request(1, 200, 3);
            metrics_add(METRIC_STREAM_BYTES, 2);
        }
        if (pids[i] == 0)
            count_forever();
    }
    while (read_value(METRIC_STREAM_BYTES) < 2L * PROCESSES * ROUNDS)
        usleep(1000);
    for (int i = 0; i < PROCESSES; i++)
        kill(pids[i], SIGKILL);
    for (int i = 0; i < PROCESSES; i++)
        waitpid(pids[i], NULL, 0);
    struct metrics_route counts = read_route(1);
    is_int(counts.statuses[200 - METRICS_STATUS_MIN], PROCESSES * ROUNDS,
           "no concurrent count of a request is lost");
    is_int(read_value(METRIC_STREAM_BYTES), 2 * PROCESSES * ROUNDS,
           "no concurrent addition to a counter is lost");
    int64_t later = read_value(METRIC_UPLOAD_BYTES), requests = counts.statuses[201 - METRICS_STATUS_MIN];
    ok(later > 0 && requests >= later && requests <= later + PROCESSES,
       "a killed process loses at most the addition it was about to make");
    metrics_add(METRIC_UPLOAD_BYTES, 1);
    is_int(read_value(METRIC_UPLOAD_BYTES), later + 1,
           "counting continues after other processes were killed");
}

int main(void)
{
    config.run_dir = scratch_dir();
    test_unopened();
    test_values();
    test_requests();
    test_processes();
    return done_testing();
}
