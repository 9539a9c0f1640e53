#include "lib/metrics/metrics_text.h"

#include <string.h>

#include "lib/metrics/metrics_file.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

static struct config config;
static struct buffer out;

/* The current output. */
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
    ok(strstr(text(), "# TYPE video_server_requests_total counter\n"),
       "without programs the output has the HELP and TYPE lines");
    is_int(count_of("\nvideo_server"), 0, "without programs the output has no samples");
}

static struct metrics_file *create(const char *service, const char *const *patterns, size_t count)
{
    struct shared_memory shared;
    return metrics_file_create(&shared, &config, service, patterns, count) ? shared.memory : NULL;
}

static void test_programs(void)
{
    static const char *const api[] = {"/v", "/v", "/w"}, *const stream[] = {"/s"};
    struct metrics_file *files[] = {create("api", api, COUNT_OF(api)),
                                    create("stream", stream, COUNT_OF(stream))};
    if (!ok(files[0] && files[1], "the files of two programs are created"))
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
       "routes with the same pattern are summed");
    is_int(count_of("route=\"/v\",status=\"200\""), 1, "routes with the same pattern are one sample");
    is_int(count_of("{service=\"api\",route=\"/v\",status=\"404\"} 1\n"), 1,
           "each status is a sample of its own");
    is_int(count_of("{service=\"api\",route=\"none\",status=\"404\"} 2\n"), 1,
           "requests without a route have the route none");
    is_int(count_of("{service=\"stream\",route=\"/s\",status=\"206\"} 5\n"), 1,
           "the other program has its own samples");
    is_int(count_of("route=\"/w\""), 0, "a route without requests has no sample");
    is_int(count_of("video_server_db_reconnects_total{service=\"api\"} 8\n"), 1,
           "a metric of all programs has a sample for the first program");
    is_int(count_of("video_server_db_reconnects_total{service=\"stream\"} 9\n"), 1,
           "a metric of all programs has a sample for the second program");
    is_int(count_of("service=\"scheduler\""), 0, "a program without a file has no sample");
    is_int(count_of("\nvideo_server_tokens_in_use{kind=\"upload\"} 6\n"), 1,
           "a metric of one program has one sample, from that program's file");
    is_int(count_of("# TYPE video_server_tokens_in_use gauge\n"), 1,
           "samples of the same name share one TYPE line");
    is_int(count_of("\nvideo_server_deletions_done_total "), 0,
           "a metric of a program without a file has no sample");
}

static void test_histogram(void)
{
    static const char *const scheduler[] = {"/h"};
    struct metrics_file *file = create("scheduler", scheduler, 1);
    if (!ok(file, "the file of a third program is created"))
        return;
    file->routes[1].buckets[0] = 1;
    file->routes[1].buckets[4] = 2;
    file->routes[1].buckets[14] = 4;
    file->routes[1].sum_us = 60012345;
    is_text(strstr(text(), "video_server_request_seconds_bucket{service=\"scheduler\"") ? "yes" : "no", "yes",
            "the third program has a histogram");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"0.0005\"} 1\n"), 1,
           "the first bucket has its own count");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"0.005\"} 1\n"), 1,
           "buckets are cumulative");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"0.01\"} 3\n"), 1,
           "a bucket includes all smaller ones");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"10\"} 3\n"), 1,
           "the bucket of the largest bound includes all smaller ones");
    is_int(count_of("_bucket{service=\"scheduler\",route=\"/h\",le=\"+Inf\"} 7\n"), 1,
           "the bucket +Inf includes all requests");
    is_int(count_of("_sum{service=\"scheduler\",route=\"/h\"} 60.012345\n"), 1, "the sum is in seconds");
    is_int(count_of("_count{service=\"scheduler\",route=\"/h\"} 7\n"), 1, "the count equals the bucket +Inf");
    is_int(count_of("video_server_deletions_pending 0\n"), 1, "a value of 0 has a sample");
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
