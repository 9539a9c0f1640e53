/* The files that metrics are counted in: NAME.metrics in the run folder, one for each program.
 *
 * A file's head says what its numbers mean. One with another head (of another version, or of a program with
 * other routes) is never read as if it were ours, and never changed: whoever still maps it keeps it. */
#ifndef LIB_METRICS_METRICS_FILE_H
#define LIB_METRICS_METRICS_FILE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/shared_memory.h"
#include "lib/metrics/metrics.h"

enum {
    METRICS_CELLS = METRICS_ROUTES_MAX + 1,
    METRICS_PATTERN_SIZE = 64,
    METRICS_STATUS_MIN = 100,
    METRICS_STATUSES = 500,
    METRICS_BUCKETS = 15, /* the last one has no upper bound */
};

/* The upper bounds of the buckets of a request's time, in microseconds. */
extern const int64_t metrics_bucket_us[METRICS_BUCKETS - 1];

/* What is counted of a route. */
struct metrics_route {
    _Atomic int64_t statuses[METRICS_STATUSES]; /* from METRICS_STATUS_MIN on */
    _Atomic int64_t buckets[METRICS_BUCKETS];   /* each without those below it */
    _Atomic int64_t sum_us;
};

struct metrics_head {
    char magic[8];
    uint64_t layout; /* a hash of all that decides which number stands where */
    char service[16];
    uint64_t route_count; /* with this the part that a reader does not know begins */
    char patterns[METRICS_CELLS][METRICS_PATTERN_SIZE]; /* the first is of requests without a route */
};

struct metrics_file {
    struct metrics_head head;
    _Atomic int64_t values[METRIC_COUNT];
    struct metrics_route routes[METRICS_CELLS]; /* sparse: only those of the service have memory */
};

/* Maps the service's file for counting; its memory is a struct metrics_file. Creates it when it is
 * missing or has another head. False is logged. */
WARN_UNUSED bool metrics_file_create(struct shared_memory *shared, const struct config *config,
                                     const char *service, const char *const *patterns, size_t pattern_count);

/* Maps the service's file for reading. Returns false when there is none or, which is logged, when it
 * has another layout. */
WARN_UNUSED bool metrics_file_attach(struct shared_memory *shared, const struct config *config,
                                     const char *service);

#endif
