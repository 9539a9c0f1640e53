#include "lib/metrics/metrics_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"

enum { NAME_SIZE = 64 };

static const char magic[8] = "vsmetric";

const int64_t metrics_bucket_us[METRICS_BUCKETS - 1] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3; /* FNV-1a; NOLINT(*core.Undefined*) */
    return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return text ? hash_bytes(hash, text, strlen(text) + 1) : hash;
}

/* Hashes the sizes, the buckets and the metrics: programs with the same hash agree on the
 * meaning of every value in the file. */
static uint64_t layout_hash(void)
{
    static const size_t sizes[] = {sizeof(struct metrics_file), sizeof(struct metrics_route)};
    uint64_t hash = hash_bytes(0xcbf29ce484222325, sizes, sizeof sizes);
    hash = hash_bytes(hash, metrics_bucket_us, sizeof metrics_bucket_us);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        hash = hash_text(hash, metric_rows[i].name);
        hash = hash_text(hash, metric_rows[i].label);
    }
    return hash;
}

static bool fill_head(struct metrics_head *head, const char *service, const char *const *patterns,
                      size_t count)
{
    if (count > METRICS_ROUTES_MAX || strlen(service) >= sizeof head->service) {
        errno = E2BIG;
        return false;
    }
    *head = (struct metrics_head){.layout = layout_hash(), .route_count = count + 1, .patterns = {"none"}};
    memcpy(head->magic, magic, sizeof magic);
    memcpy(head->service, service, strlen(service));
    for (size_t i = 0; i < count; i++) {
        if (strlen(patterns[i]) >= METRICS_PATTERN_SIZE) {
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(head->patterns[i + 1], patterns[i], strlen(patterns[i]));
    }
    return true;
}

static const char *file_name(const char *service, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%s.metrics", service);
    return name;
}

bool metrics_file_create(struct shared_memory *shared, const struct config *config, const char *service,
                         const char *const *patterns, size_t pattern_count)
{
    struct metrics_head head;
    char name[NAME_SIZE];
    if (fill_head(&head, service, patterns, pattern_count)) {
        const struct shared_memory_layout file = {
            .name = file_name(service, name),
            .head = &head,
            .head_size = sizeof head,
            .size = sizeof(struct metrics_file),
            .reserved = offsetof(struct metrics_file, routes[head.route_count]),
            .group_reads = true,
        };
        if (shared_memory_open(shared, config, &file))
            return true;
    }
    log_write(LOG_ERROR, "metrics_failed", "service=%s reason=\"%s\"", service, strerror(errno));
    return false;
}

bool metrics_file_attach(struct shared_memory *shared, const struct config *config, const char *service)
{
    struct metrics_head head;
    char name[NAME_SIZE];
    *shared = (struct shared_memory){.fd = -1};
    if (!fill_head(&head, service, NULL, 0))
        return false;
    const struct shared_memory_layout file = {
        .name = file_name(service, name),
        .head = &head,
        .head_size = offsetof(struct metrics_head, route_count),
        .size = sizeof(struct metrics_file),
        .read_only = true,
    };
    if (shared_memory_attach(shared, config, &file)) {
        const struct metrics_file *found = shared->memory;
        if (found->head.route_count <= METRICS_ROUTE_ROWS)
            return true;
        shared_memory_close(shared);
        errno = EPROTO;
    }
    if (errno != ENOENT)
        log_write(LOG_WARNING, "metrics_file_ignored", "service=%s reason=\"%s\"", service,
                  errno == EPROTO ? "the file has another layout" : strerror(errno));
    return false;
}
