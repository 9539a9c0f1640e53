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

/* What the file says, as another process would read it. */
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
    struct metrics_route cells = {0};
    struct shared_memory shared;
    if (metrics_file_attach(&shared, &config, "api")) {
        const struct metrics_file *file = shared.memory;
        memcpy(&cells, &file->routes[route], sizeof cells);
        shared_memory_close(&shared);
    }
    return cells;
}

static void test_unopened(void)
{
    metrics_add(METRIC_DB_RECONNECTS, 2);
    metrics_count_request(METRICS_NO_ROUTE, 200, 1);
    metrics_count_request(1, 200, 1);
    is_int(metrics_get(METRIC_DB_RECONNECTS), 2, "without a file the process counts by itself");
    is_int(read_value(METRIC_DB_RECONNECTS), -1, "and no file is there");
}

static void test_values(void)
{
    ok(reopen(), "the file is made");
    is_int(metrics_get(METRIC_DB_RECONNECTS), 0, "and counts from 0");
    metrics_add(METRIC_DB_RECONNECTS, 1);
    metrics_add(METRIC_DB_RECONNECTS, 3);
    metrics_set(METRIC_STREAM_TOKENS_IN_USE, 7);
    metrics_set(METRIC_STREAM_TOKENS_IN_USE, 5);
    is_int(read_value(METRIC_DB_RECONNECTS), 4, "others see what is added");
    is_int(read_value(METRIC_STREAM_TOKENS_IN_USE), 5, "and what is set");
    is_int(read_value(METRIC_WORKER_RESTARTS), 0, "each by itself");
    ok(reopen(), "the program starts again");
    is_int(metrics_get(METRIC_DB_RECONNECTS), 4, "and goes on counting");
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
        is_int(read_route(2).buckets[rows[i].bucket], before + 1, "%lld us", (long long)rows[i].us);
    }
    struct metrics_route cells = read_route(2);
    is_int(cells.statuses[200 - METRICS_STATUS_MIN], COUNT_OF(rows), "each by its status");
    is_int(cells.sum_us, sum, "and all their time");
    metrics_count_request(METRICS_NO_ROUTE, 404, 1);
    is_int(read_route(METRICS_NO_ROUTE).statuses[404 - METRICS_STATUS_MIN], 1, "one without a route");
    is_int(read_route(1).sum_us, 0, "the others are as they were");
    metrics_count_request(1, 99, 1);
    metrics_count_request(1, 600, 1);
    metrics_count_request(3, 200, 1);
    is_int(read_route(1).sum_us, 0, "what is no status or no route doesn't count");
}

static void count_on(void)
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
            count_on();
    }
    while (read_value(METRIC_STREAM_BYTES) < 2L * PROCESSES * ROUNDS)
        usleep(1000);
    for (int i = 0; i < PROCESSES; i++)
        kill(pids[i], SIGKILL);
    for (int i = 0; i < PROCESSES; i++)
        waitpid(pids[i], NULL, 0);
    struct metrics_route cells = read_route(1);
    is_int(cells.statuses[200 - METRICS_STATUS_MIN], PROCESSES * ROUNDS, "no addition of several is lost");
    is_int(read_value(METRIC_STREAM_BYTES), 2 * PROCESSES * ROUNDS, "nor in a counter");
    int64_t later = read_value(METRIC_UPLOAD_BYTES), requests = cells.statuses[201 - METRICS_STATUS_MIN];
    ok(later > 0 && requests >= later && requests <= later + PROCESSES,
       "those who were killed while they counted lost at most what they were about to add");
    metrics_add(METRIC_UPLOAD_BYTES, 1);
    is_int(read_value(METRIC_UPLOAD_BYTES), later + 1, "and others go on");
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
