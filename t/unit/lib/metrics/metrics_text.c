#include "lib/metrics/metrics_text.h"

#include <string.h>

#include "lib/metrics/metrics_file.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

static struct config config;
static struct buffer out;

/* The text as of now. */
static const char *text(void)
{
    buffer_reset(&out);
    metrics_text_write(&config, &out);
    buffer_char(&out, '\0');
    return out.failed ? "" : out.data;
}

static int count_of(const char *line)
{
    int count = 0;
    for (const char *at = text(); (at = strstr(at, line)); at++)
        count++;
    return count;
}

static void test_empty(void)
{
    ok(strstr(text(), "# TYPE video_server_requests_total counter\n"), "no program: the heads");
    is_int(count_of("\nvideo_server"), 0, "and no samples");
}

static struct metrics_file *make(const char *service, const char *const *patterns, size_t count)
{
    struct shared_memory shared;
    return metrics_file_create(&shared, &config, service, patterns, count) ? shared.memory : NULL;
}

static void test_programs(void)
{
    static const char *const api[] = {"/v", "/v", "/w"}, *const stream[] = {"/s"};
    struct metrics_file *files[] = {make("api", api, COUNT_OF(api)),
                                    make("stream", stream, COUNT_OF(stream))};
    if (!ok(files[0] && files[1], "two programs"))
        return;
    files[0]->routes[1].statuses[100] = 3;
    files[0]->routes[2].statuses[100] = 4;
    files[0]->routes[2].statuses[304] = 1;
    files[0]->routes[0].statuses[304] = 2;
    files[1]->routes[1].statuses[106] = 5;
    files[0]->values[METRIC_DB_RECONNECTS] = 8;
    files[1]->values[METRIC_DB_RECONNECTS] = 9;
    files[1]->values[METRIC_UPLOAD_TOKENS_IN_USE] = 6;
    files[0]->values[METRIC_UPLOAD_TOKENS_IN_USE] = 77;

    ok(strstr(text(), "\nvideo_server_requests_total{service=\"api\",route=\"/v\",status=\"200\"} 7\n"),
       "the routes of one pattern are one");
    is_int(count_of("route=\"/v\",status=\"200\""), 1, "sample");
    is_int(count_of("{service=\"api\",route=\"/v\",status=\"404\"} 1\n"), 1, "another status is another one");
    is_int(count_of("{service=\"api\",route=\"none\",status=\"404\"} 2\n"), 1,
           "so is a request without a route");
    is_int(count_of("{service=\"stream\",route=\"/s\",status=\"206\"} 5\n"), 1, "and another program's");
    is_int(count_of("route=\"/w\""), 0, "of what was never asked there is none");
    is_int(count_of("video_server_db_reconnects_total{service=\"api\"} 8\n"), 1, "what each program counts");
    is_int(count_of("video_server_db_reconnects_total{service=\"stream\"} 9\n"), 1, "is there for each");
    is_int(count_of("service=\"scheduler\""), 0, "that has a file");
    is_int(count_of("\nvideo_server_tokens_in_use{kind=\"upload\"} 6\n"), 1, "what one counts is there once");
    is_int(count_of("# TYPE video_server_tokens_in_use gauge\n"), 1, "under one head");
    is_int(count_of("\nvideo_server_deletions_done_total "), 0, "and not without that one");
}

static void test_histogram(void)
{
    static const char *const scheduler[] = {"/h"};
    struct metrics_file *file = make("scheduler", scheduler, 1);
    if (!ok(file, "a third program"))
        return;
    file->routes[1].buckets[0] = 1;
    file->routes[1].buckets[4] = 2;
    file->routes[1].buckets[14] = 4;
    file->routes[1].sum_us = 60012345;
    is_text(strstr(text(), "video_server_request_seconds_bucket{service=\"scheduler\"") ? "yes" : "no", "yes",
            "its histogram");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"0.0005\"} 1\n"), 1, "the first bucket");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"0.005\"} 1\n"), 1,
           "has what is below it");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"0.01\"} 3\n"), 1, "each has");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"10\"} 3\n"), 1, "up to the last bound");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"+Inf\"} 7\n"), 1,
           "and the last one all");
    is_int(count_of("_sum{service=\"scheduler\",route=\"/h\"} 60.012345\n"), 1, "the sum is in seconds");
    is_int(count_of("_count{service=\"scheduler\",route=\"/h\"} 7\n"), 1, "the count is that of the last");
    is_int(count_of("video_server_deletions_pending 0\n"), 1, "a value that is 0 is shown");
}

int main(void)
{
    config.run_dir = scratch_dir();
    test_empty();
    test_programs();
    test_histogram();
    buffer_free(&out);
    return done_testing();
}
