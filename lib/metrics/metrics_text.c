#include "lib/metrics/metrics_text.h"

#include <inttypes.h>
#include <string.h>

#include "lib/metrics/metrics_file.h"

static const char *const services[] = {"api", "stream", "scheduler"};

enum { SERVICES = COUNT_OF(services) };

static const char *const type_names[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge"};

static int64_t load(const _Atomic int64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void write_head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The counts of all routes that have the same pattern. */
struct totals {
    int64_t statuses[METRICS_STATUSES], buckets[METRICS_BUCKETS], sum_us;
};

/* Routes with the same pattern, such as GET and POST, are shown as one. True for the
 * first. */
static bool is_first_of_pattern(const struct metrics_head *head, size_t route)
{
    for (size_t i = 0; i < route; i++)
        if (strcmp(head->patterns[i], head->patterns[route]) == 0)
            return false;
    return true;
}

static void sum_routes(const struct metrics_file *file, size_t first, struct totals *sum)
{
    *sum = (struct totals){0};
    for (size_t i = first; i < file->head.route_count; i++) {
        if (strcmp(file->head.patterns[i], file->head.patterns[first]) != 0)
            continue;
        for (size_t at = 0; at < METRICS_STATUSES; at++)
            sum->statuses[at] += load(&file->routes[i].statuses[at]);
        for (size_t at = 0; at < METRICS_BUCKETS; at++)
            sum->buckets[at] += load(&file->routes[i].buckets[at]);
        sum->sum_us += load(&file->routes[i].sum_us);
    }
}

static void write_statuses(struct buffer *out, const struct metrics_head *head, size_t route,
                           const struct totals *sum)
{
    for (int i = 0; i < METRICS_STATUSES; i++)
        if (sum->statuses[i] > 0)
            buffer_printf(
                out, "video_server_requests_total{service=\"%s\",route=\"%s\",status=\"%d\"} %" PRId64 "\n",
                head->service, head->patterns[route], METRICS_STATUS_MIN + i, sum->statuses[i]);
}

static void write_histogram(struct buffer *out, const struct metrics_head *head, size_t route,
                            const struct totals *sum)
{
    static const char name[] = "video_server_request_seconds";
    const char *service = head->service, *pattern = head->patterns[route];
    int64_t count = 0, total = 0;
    for (int i = 0; i < METRICS_BUCKETS; i++)
        total += sum->buckets[i];
    if (total == 0)
        return;
    for (int i = 0; i < METRICS_BUCKETS; i++) {
        count += sum->buckets[i];
        buffer_printf(out, "%s_bucket{service=\"%s\",route=\"%s\",le=\"", name, service, pattern);
        if (i < METRICS_BUCKETS - 1)
            buffer_printf(out, "%g", (double)metrics_bucket_us[i] / 1e6);
        else
            buffer_text(out, "+Inf");
        buffer_printf(out, "\"} %" PRId64 "\n", count);
    }
    buffer_printf(out, "%s_sum{service=\"%s\",route=\"%s\"} %.6f\n", name, service, pattern,
                  (double)sum->sum_us / 1e6);
    buffer_printf(out, "%s_count{service=\"%s\",route=\"%s\"} %" PRId64 "\n", name, service, pattern, count);
}

typedef void route_writer(struct buffer *out, const struct metrics_head *head, size_t route,
                          const struct totals *sum);

/* Calls write for each pattern of each program. */
static void write_routes(struct buffer *out, const struct metrics_file *const files[SERVICES],
                         route_writer *write)
{
    for (size_t i = 0; i < SERVICES; i++) {
        for (size_t route = 0; files[i] && route < files[i]->head.route_count; route++) {
            struct totals sum;
            if (!is_first_of_pattern(&files[i]->head, route))
                continue;
            sum_routes(files[i], route, &sum);
            write(out, &files[i]->head, route, &sum);
        }
    }
}

static void write_value(struct buffer *out, enum metric metric, const struct metrics_file *file)
{
    const struct metric_row *row = &metric_rows[metric];
    buffer_text(out, row->name);
    if (!row->service)
        buffer_printf(out, "{service=\"%s\"}", file->head.service);
    else if (row->label)
        buffer_printf(out, "{%s}", row->label);
    buffer_printf(out, " %" PRId64 "\n", load(&file->values[metric]));
}

static void write_values(struct buffer *out, const struct metrics_file *const files[SERVICES])
{
    const char *last = "";
    for (enum metric metric = 0; metric < METRIC_COUNT; metric++) {
        const struct metric_row *row = &metric_rows[metric];
        if (strcmp(row->name, last) != 0)
            write_head(out, row->name, type_names[row->type], row->help);
        last = row->name;
        for (size_t i = 0; i < SERVICES; i++)
            if (files[i] && (!row->service || strcmp(row->service, services[i]) == 0))
                write_value(out, metric, files[i]);
    }
}

void metrics_text_write(const struct config *config, struct buffer *out)
{
    struct shared_memory shared[SERVICES];
    const struct metrics_file *files[SERVICES];
    for (size_t i = 0; i < SERVICES; i++)
        files[i] = metrics_file_attach(&shared[i], config, services[i]) ? shared[i].memory : NULL;
    write_head(out, "video_server_requests_total", "counter", "Requests answered, by status.");
    write_routes(out, files, write_statuses);
    write_head(out, "video_server_request_seconds", "histogram",
               "Time from the arrival of a request to its response.");
    write_routes(out, files, write_histogram);
    write_values(out, files);
    for (size_t i = 0; i < SERVICES; i++)
        shared_memory_close(&shared[i]);
}
