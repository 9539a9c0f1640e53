/* Counters and gauges for Prometheus.
 *
 * Each program has one file in the run folder, which its supervisor and its workers map.
 * Counting is an atomic addition to that file, without a lock or a system call. The
 * counts survive the death of a process and a restart of the program. Before
 * metrics_open, as in unit tests, a process counts in private memory. fcgi-api serves the
 * metrics of all programs (metrics_text.h). */
#ifndef LIB_METRICS_METRICS_H
#define LIB_METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"
#include "lib/base/config.h"

/* Indexes of the table in metrics.c, in the order of the output. */
enum metric {
    METRIC_STREAM_TOKENS_IN_USE,
    METRIC_UPLOAD_TOKENS_IN_USE,
    METRIC_STREAM_TOKENS_CAPACITY,
    METRIC_UPLOAD_TOKENS_CAPACITY,
    METRIC_STREAM_TOKENS_REJECTED,
    METRIC_UPLOAD_TOKENS_REJECTED,
    METRIC_STREAM_TOKENS_REAPED,
    METRIC_UPLOAD_TOKENS_REAPED,
    METRIC_STREAM_BYTES,
    METRIC_UPLOAD_BYTES,
    METRIC_DELETIONS_PENDING,
    METRIC_DELETIONS_DEAD,
    METRIC_DELETIONS_DONE,
    METRIC_PASSWORD_HASH_WAITING,
    METRIC_DB_RECONNECTS,
    METRIC_WORKER_RESTARTS,
    METRIC_COUNT
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric_row {
    const char *name;
    enum metric_type type;
    const char *service; /* the program that has it; NULL: all, labelled "service" */
    const char *label;   /* name="value" as in the output, or NULL */
    const char *help;
};

extern const struct metric_row metric_rows[METRIC_COUNT];

enum {
    METRICS_NO_ROUTE = 0, /* no route matched; a route's number is its index plus 1 */
    METRICS_ROUTES_MAX = 63,
};

/* Makes the process count in the service's file, which is created when it is missing or
 * has another layout. patterns are those of the service's routes, at most
 * METRICS_ROUTES_MAX. The supervisor calls it before the first fork. A failure is
 * logged. */
WARN_UNUSED bool metrics_open(const struct config *config, const char *service, const char *const *patterns,
                              size_t pattern_count);

/* Adds to a counter. Do not count a gauge up and down with it: when a process dies in
 * between, the gauge stays wrong. */
void metrics_add(enum metric metric, int64_t amount);

/* Sets a gauge. */
void metrics_set(enum metric metric, int64_t value);

int64_t metrics_get(enum metric metric);

/* Counts one request: its route, the HTTP status of its response, and its duration in
 * microseconds. */
void metrics_count_request(size_t route, int http, int64_t us);

#endif
