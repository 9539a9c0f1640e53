/* What the programs count, for Prometheus.
 *
 * Each program has a file in the run folder that its supervisor and its workers map. Counting is an atomic
 * addition to it, without a lock or a system call; what a process has counted stays when it dies, and goes on
 * when the program starts again. Before metrics_open, as in unit tests, it goes to memory of the process's own.
 * fcgi-api shows the files of all programs (metrics_text.h). */
#ifndef LIB_METRICS_METRICS_H
#define LIB_METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"
#include "lib/base/config.h"

/* Rows of the table in metrics.c, in the order in which they are shown. */
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
    const char *service; /* the one program that has it; NULL: each has it, with the label service */
    const char *label;   /* as it is shown, or NULL */
    const char *help;
};

extern const struct metric_row metric_rows[METRIC_COUNT];

enum {
    METRICS_NO_ROUTE = 0, /* where a request without a route counts; the others: their route's index plus 1 */
    METRICS_ROUTES_MAX = 63, /* of a service */
};

/* From now on the process counts for that service, in its file, which is made when it is missing or of another
 * layout. patterns are those of the service's routes, METRICS_ROUTES_MAX at most. The supervisor calls it before the first fork. False is
 * logged. */
WARN_UNUSED bool metrics_open(const struct config *config, const char *service, const char *const *patterns,
                              size_t pattern_count);

/* Adds to a counter, or to a gauge whose process, when it dies, takes along what it counted there. */
void metrics_add(enum metric metric, int64_t amount);

/* Sets a gauge. */
void metrics_set(enum metric metric, int64_t value);

int64_t metrics_get(enum metric metric);

/* Counts a request that was answered with that status after so many microseconds. */
void metrics_request(size_t route, int http, int64_t us);

#endif
