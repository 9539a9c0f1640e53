/* The files in which the programs count: NAME.metrics in the run folder, one per program.
 *
 * A file's header identifies its layout and its routes. A file with another header, from
 * another version or with other routes, is never counted in and never changed, only
 * replaced; processes that have it mapped keep it. */
#ifndef LIB_METRICS_METRICS_FILE_H
#define LIB_METRICS_METRICS_FILE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/shared_memory.h"
#include "lib/metrics/metrics.h"

enum {
    METRICS_ROUTE_ROWS = METRICS_ROUTES_MAX + 1, /* with METRICS_NO_ROUTE */
    METRICS_PATTERN_SIZE = 64,
    METRICS_STATUS_MIN = 100,
    METRICS_STATUSES = 500,
    METRICS_BUCKETS = 15, /* the last one has no upper bound */
};

/* The upper bounds of the buckets of request durations, in microseconds. */
extern const int64_t metrics_bucket_us[METRICS_BUCKETS - 1];

/* The counts of one route. */
struct metrics_route {
    _Atomic int64_t statuses[METRICS_STATUSES]; /* index 0 is METRICS_STATUS_MIN */
    _Atomic int64_t buckets[METRICS_BUCKETS];   /* not cumulative */
    _Atomic int64_t sum_us;
};

struct metrics_head {
    char magic[8];
    uint64_t layout; /* a hash of everything that determines the layout */
    char service[16];
    /* A reader compares the header only up to here. */
    uint64_t route_count;
    char patterns[METRICS_ROUTE_ROWS][METRICS_PATTERN_SIZE]; /* the first is "none" */
};

struct metrics_file {
    struct metrics_head head;
    _Atomic int64_t values[METRIC_COUNT];
    struct metrics_route routes[METRICS_ROUTE_ROWS]; /* sparse after route_count */
};

/* Maps the service's file for counting; shared->memory is a struct metrics_file. Creates
 * or replaces the file when it is missing or has another header. A failure is logged. */
WARN_UNUSED bool metrics_file_create(struct shared_memory *shared, const struct config *config,
                                     const char *service, const char *const *patterns, size_t pattern_count);

/* Maps the service's file for reading. Returns false when it does not exist and, which is
 * logged, when it has another layout. */
WARN_UNUSED bool metrics_file_attach(struct shared_memory *shared, const struct config *config,
                                     const char *service);

#endif
