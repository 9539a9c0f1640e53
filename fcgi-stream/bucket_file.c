/* The bucket's file in the run folder, and the limits that stand in it. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bucket_layout.h"
#include "log.h"

static const char magic[8] = "vsbucket";

static bool is_ours(const struct shared *shared)
{
    return memcmp(shared->magic, magic, sizeof magic) == 0 && shared->layout_version == LAYOUT_VERSION &&
           shared->slot_size == sizeof(struct slot);
}

static bool map(struct bucket *bucket)
{
    void *memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, bucket->fd, 0);
    bucket->shared = memory == MAP_FAILED ? NULL : memory;
    return bucket->shared != NULL;
}

static void unmap(struct bucket *bucket)
{
    if (bucket->shared)
        munmap(bucket->shared, sizeof *bucket->shared);
    if (bucket->fd >= 0)
        close(bucket->fd);
    bucket->shared = NULL;
    bucket->fd = -1;
}

/* As posix_fallocate(3), but the error is in errno. */
static bool allocate(int fd, size_t offset, size_t size)
{
    errno = posix_fallocate(fd, (off_t)offset, (off_t)size);
    return errno == 0;
}

/* Memory for the slots is taken now: later a full tmpfs would mean SIGBUS. */
static bool reserve_slots(int fd, enum bucket_kind kind, int capacity)
{
    size_t count = (size_t)capacity;
    return allocate(fd, offsetof(struct shared, words[kind]), count * sizeof(uint64_t)) &&
           allocate(fd, offsetof(struct shared, clients[kind]), count * sizeof(uint64_t)) &&
           allocate(fd, offsetof(struct shared, slots[kind]), count * sizeof(struct slot));
}

static bool open_file(struct bucket *bucket, const char *path)
{
    bucket->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return bucket->fd >= 0 && ftruncate(bucket->fd, sizeof(struct shared)) == 0 &&
           allocate(bucket->fd, 0, offsetof(struct shared, words)) && map(bucket);
}

/* Maps the file; one of another layout is replaced by an empty one. */
static bool map_current(struct bucket *bucket, const char *path)
{
    if (!open_file(bucket, path))
        return false;
    bool empty = bucket->shared->magic[0] == '\0';
    if (!empty && !is_ours(bucket->shared)) {
        log_write(LOG_WARNING, "bucket_replaced", "reason=\"another version's layout\"");
        unmap(bucket);
        if (unlink(path) != 0 || !open_file(bucket, path))
            return false;
        empty = true;
    }
    if (empty) {
        bucket->shared->layout_version = LAYOUT_VERSION;
        bucket->shared->slot_size = sizeof(struct slot);
        bucket->shared->epoch = randombytes_random();
        memcpy(bucket->shared->magic, magic, sizeof magic);
    }
    return true;
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

static struct bucket *bucket_new(void)
{
    struct bucket *bucket = calloc(1, sizeof *bucket);
    if (bucket)
        bucket->fd = -1;
    return bucket;
}

struct bucket *bucket_open(const struct config *config)
{
    char path[256];
    struct bucket *bucket = bucket_new();
    if (bucket && config_run_path(config, "bucket", path, sizeof path) && map_current(bucket, path) &&
        apply_settings(bucket, config)) {
        bucket_free_claims_of_the_dead(bucket);
        return bucket;
    }
    log_write(LOG_ERROR, "bucket_failed", "reason=\"%s\"", strerror(errno));
    if (bucket)
        bucket_close(bucket);
    return NULL;
}

struct bucket *bucket_attach(const struct config *config)
{
    char path[256];
    struct stat file;
    struct bucket *bucket = bucket_new();
    if (!bucket || !config_run_path(config, "bucket", path, sizeof path)) {
        free(bucket);
        errno = ENAMETOOLONG;
        return NULL;
    }
    bucket->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (bucket->fd >= 0 && fstat(bucket->fd, &file) == 0) {
        if (file.st_size != sizeof(struct shared))
            errno = EPROTO;
        else if (map(bucket) && is_ours(bucket->shared))
            return bucket;
        else if (bucket->shared)
            errno = EPROTO;
    }
    int error = errno;
    bucket_close(bucket);
    errno = error;
    return NULL;
}

void bucket_close(struct bucket *bucket)
{
    unmap(bucket);
    free(bucket);
}

int bucket_capacity(const struct bucket *bucket, enum bucket_kind kind)
{
    return atomic_load(&bucket->shared->capacity[kind]);
}

bool bucket_set_capacity(struct bucket *bucket, enum bucket_kind kind, int capacity)
{
    struct shared *shared = bucket->shared;
    if (!reserve_slots(bucket->fd, kind, capacity))
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
