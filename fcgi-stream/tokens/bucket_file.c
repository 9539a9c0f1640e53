/* The bucket's file in the run folder, and the limits stored in it. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi-stream/tokens/bucket_layout.h"
#include "lib/base/log.h"

static const struct shared_memory_head head = {"vsbucket", LAYOUT_VERSION, sizeof(struct slot)};
static const struct shared_memory_layout layout = {"bucket", &head, sizeof head, sizeof(struct shared),
                                                   offsetof(struct shared, words)};

static bool reserve_slots(const struct shared_memory *file, enum bucket_kind kind, int capacity)
{
    size_t count = (size_t)capacity;
    return shared_memory_reserve(file, offsetof(struct shared, words[kind]), count * sizeof(uint64_t)) &&
           shared_memory_reserve(file, offsetof(struct shared, clients[kind]), count * sizeof(uint64_t)) &&
           shared_memory_reserve(file, offsetof(struct shared, slots[kind]), count * sizeof(struct slot));
}

static bool apply_settings(struct bucket *bucket, const struct config *config)
{
    struct shared *shared = bucket->shared;
    const int32_t capacities[BUCKET_KINDS] = {
        [BUCKET_STREAM] = (int32_t)config->stream_tokens, [BUCKET_UPLOAD] = (int32_t)config->upload_tokens};
    const int32_t caps[BUCKET_KINDS] = {[BUCKET_STREAM] = (int32_t)config->stream_tokens_per_client,
                                        [BUCKET_UPLOAD] = (int32_t)config->upload_tokens_per_user};
    for (enum bucket_kind kind = 0; kind < BUCKET_KINDS; kind++) {
        if (shared->set_capacity[kind] != capacities[kind] &&
            !bucket_set_capacity(bucket, kind, capacities[kind]))
            return false;
        shared->set_capacity[kind] = capacities[kind];
        if (shared->set_client_cap[kind] != caps[kind])
            bucket_set_client_cap(bucket, kind, caps[kind]);
        shared->set_client_cap[kind] = caps[kind];
    }
    return true;
}

struct bucket *bucket_open(const struct config *config)
{
    struct bucket *bucket = calloc(1, sizeof *bucket);
    if (bucket && shared_memory_open(&bucket->file, config, &layout)) {
        bucket->shared = bucket->file.memory;
        while (bucket->shared->epoch == 0)
            bucket->shared->epoch = randombytes_random();
        if (apply_settings(bucket, config)) {
            bucket_free_dead_claims(bucket);
            return bucket;
        }
        shared_memory_close(&bucket->file);
    }
    log_write(LOG_ERROR, "bucket_failed", "reason=\"%s\"", strerror(errno));
    free(bucket);
    return NULL;
}

struct bucket *bucket_attach(const struct config *config)
{
    struct bucket *bucket = calloc(1, sizeof *bucket);
    if (bucket && shared_memory_attach(&bucket->file, config, &layout)) {
        bucket->shared = bucket->file.memory;
        return bucket;
    }
    free(bucket);
    return NULL;
}

void bucket_close(struct bucket *bucket)
{
    shared_memory_close(&bucket->file);
    free(bucket);
}

int bucket_capacity(const struct bucket *bucket, enum bucket_kind kind)
{
    return atomic_load(&bucket->shared->capacity[kind]);
}

bool bucket_set_capacity(struct bucket *bucket, enum bucket_kind kind, int capacity)
{
    struct shared *shared = bucket->shared;
    if (!reserve_slots(&bucket->file, kind, capacity))
        return false;
    atomic_store(&shared->beyond[kind], slot_end(shared, kind));
    atomic_store(&shared->capacity[kind], capacity);
    return true;
}

int bucket_client_cap(const struct bucket *bucket, enum bucket_kind kind)
{
    return atomic_load(&bucket->shared->client_cap[kind]);
}

void bucket_set_client_cap(struct bucket *bucket, enum bucket_kind kind, int cap)
{
    atomic_store(&bucket->shared->client_cap[kind], cap);
}

struct bucket_position *bucket_position(struct bucket *bucket)
{
    return &bucket->shared->position;
}
