#include "bucket.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "process.h"

enum { SLOTS_MAX = 100000, LAYOUT_VERSION = 2, NGINX_WORKERS_KNOWN = 64 };

/* A slot's word: its state, how often it has been freed, and the pid of the worker that claimed it. */
enum slot_state { SLOT_FREE, SLOT_CLAIMED, SLOT_HELD };

struct slot {
    _Alignas(64) _Atomic uint64_t word;
    _Atomic uint64_t client;     /* the holder's, for others to count while they take tokens too */
    struct bucket_holder holder; /* valid while held */
    uint64_t nginx_start;
    int64_t since_ms;
};

struct shared {
    char magic[8];
    uint32_t layout_version, slot_size;
    struct bucket_position position;
    struct slot slots[BUCKET_KINDS][SLOTS_MAX]; /* sparse: only what is in use takes memory */
};

struct bucket {
    struct shared *shared;
    int capacity[BUCKET_KINDS];
    int client_cap; /* of streams; 0: none */
};

static const char magic[8] = "vsbucket";

static uint64_t make_word(enum slot_state state, uint32_t generation, pid_t pid)
{
    return (uint64_t)state << 56 | (uint64_t)(generation & 0xffffff) << 32 | (uint32_t)pid;
}

static enum slot_state word_state(uint64_t word)
{
    return (enum slot_state)(word >> 56);
}

static uint32_t word_generation(uint64_t word)
{
    return word >> 32 & 0xffffff;
}

static pid_t word_pid(uint64_t word)
{
    return (pid_t)(uint32_t)word;
}

static bool is_ours(const struct shared *shared)
{
    return memcmp(shared->magic, magic, sizeof magic) == 0 && shared->layout_version == LAYOUT_VERSION &&
           shared->slot_size == sizeof(struct slot);
}

/* As posix_fallocate(3), but the error is in errno. */
static bool allocate(int fd, size_t offset, size_t size)
{
    errno = posix_fallocate(fd, (off_t)offset, (off_t)size);
    return errno == 0;
}

/* Memory for the slots in use is taken now: later a full tmpfs would mean SIGBUS. */
static bool reserve(int fd, const struct bucket *bucket)
{
    if (ftruncate(fd, sizeof(struct shared)) != 0 || !allocate(fd, 0, offsetof(struct shared, slots)))
        return false;
    for (int kind = 0; kind < BUCKET_KINDS; kind++)
        if (!allocate(fd, offsetof(struct shared, slots[kind]),
                      (size_t)bucket->capacity[kind] * sizeof(struct slot)))
            return false;
    return true;
}

static bool map(struct bucket *bucket, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    void *memory = MAP_FAILED;
    if (reserve(fd, bucket))
        memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED)
        return false;
    bucket->shared = memory;
    return true;
}

static void free_claims_of_the_dead(struct bucket *bucket);

/* Maps the file; one of another layout is replaced by an empty one. */
static bool map_current(struct bucket *bucket, const char *path)
{
    if (!map(bucket, path))
        return false;
    struct shared *shared = bucket->shared;
    bool empty = shared->magic[0] == '\0';
    if (!empty && !is_ours(shared)) {
        log_write(LOG_WARNING, "bucket_replaced", "reason=\"another version's layout\"");
        munmap(shared, sizeof *shared);
        if (unlink(path) != 0 || !map(bucket, path))
            return false;
        shared = bucket->shared;
        empty = true;
    }
    if (empty) {
        shared->layout_version = LAYOUT_VERSION;
        shared->slot_size = sizeof(struct slot);
        memcpy(shared->magic, magic, sizeof magic);
    }
    free_claims_of_the_dead(bucket);
    return true;
}

struct bucket *bucket_open(const struct config *config)
{
    char path[256];
    struct bucket *bucket = calloc(1, sizeof *bucket);
    if (bucket) {
        bucket->capacity[BUCKET_STREAM] = (int)config->stream_tokens;
        bucket->capacity[BUCKET_UPLOAD] = (int)config->upload_tokens;
        bucket->client_cap = (int)config->stream_tokens_per_client;
        if (config_run_path(config, "bucket", path, sizeof path) && map_current(bucket, path))
            return bucket;
    }
    log_write(LOG_ERROR, "bucket_failed", "reason=\"%s\"", strerror(errno));
    free(bucket);
    return NULL;
}

void bucket_close(struct bucket *bucket)
{
    munmap(bucket->shared, sizeof *bucket->shared);
    free(bucket);
}

/* When an nginx worker started. Each pool worker asks the kernel once a second at most. */
static uint64_t nginx_start(pid_t pid)
{
    static _Thread_local struct {
        pid_t pid;
        uint64_t start;
        int64_t read_ms;
    } known[NGINX_WORKERS_KNOWN];
    unsigned at = (unsigned)pid % NGINX_WORKERS_KNOWN;
    int64_t now = clock_ms();
    if (known[at].pid != pid || now - known[at].read_ms > 1000) {
        known[at].pid = pid;
        known[at].start = process_start(pid);
        known[at].read_ms = now;
    }
    return known[at].start;
}

static void give_back(struct slot *slot, uint64_t word)
{
    uint64_t freed = make_word(SLOT_FREE, word_generation(word) + 1, 0);
    atomic_compare_exchange_strong(&slot->word, &word, freed);
}

static int count_client(const struct bucket *bucket, uint64_t client)
{
    int count = 0;
    for (int i = 0; i < bucket->capacity[BUCKET_STREAM]; i++) {
        const struct slot *slot = &bucket->shared->slots[BUCKET_STREAM][i];
        count += word_state(atomic_load(&slot->word)) != SLOT_FREE && atomic_load(&slot->client) == client;
    }
    return count;
}

/* Claims a free slot, starting the search anywhere; -1 when there is none. */
static int claim(struct bucket *bucket, enum bucket_kind kind, unsigned start, uint64_t *word)
{
    pid_t pid = getpid();
    int capacity = bucket->capacity[kind];
    for (int i = 0; i < capacity; i++) {
        int at = (int)((start + (unsigned)i) % (unsigned)capacity);
        struct slot *slot = &bucket->shared->slots[kind][at];
        uint64_t now = atomic_load_explicit(&slot->word, memory_order_relaxed);
        if (word_state(now) != SLOT_FREE)
            continue;
        *word = make_word(SLOT_CLAIMED, word_generation(now), pid);
        if (atomic_compare_exchange_strong(&slot->word, &now, *word))
            return at;
    }
    return -1;
}

enum bucket_outcome bucket_acquire(struct bucket *bucket, enum bucket_kind kind,
                                   const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE])
{
    unsigned start;
    uint64_t word;
    memcpy(&start, holder->request_id, sizeof start);
    int at = claim(bucket, kind, start, &word);
    if (at < 0)
        return BUCKET_FULL;
    struct slot *slot = &bucket->shared->slots[kind][at];
    slot->holder = *holder;
    atomic_store(&slot->client, holder->client);
    slot->nginx_start = nginx_start(holder->nginx_pid);
    slot->since_ms = clock_ms();
    if (kind == BUCKET_STREAM && bucket->client_cap > 0 &&
        count_client(bucket, holder->client) > bucket->client_cap) {
        give_back(slot, word);
        return BUCKET_CLIENT_FULL;
    }
    atomic_store(&slot->word, make_word(SLOT_HELD, word_generation(word), word_pid(word)));
    snprintf(token, BUCKET_TOKEN_SIZE, "%d.%d.%" PRIu32, (int)kind, at, word_generation(word));
    return BUCKET_TAKEN;
}

bool bucket_release(struct bucket *bucket, const char *token)
{
    int kind, at;
    uint32_t generation;
    char end;
    if (sscanf(token, "%d.%d.%" SCNu32 "%c", &kind, &at, &generation, &end) != 3 || kind < 0 ||
        kind >= BUCKET_KINDS || at < 0 || at >= SLOTS_MAX)
        return false;
    struct slot *slot = &bucket->shared->slots[kind][at];
    uint64_t word = atomic_load(&slot->word);
    if (word_state(word) != SLOT_HELD || word_generation(word) != generation)
        return false;
    give_back(slot, word);
    return true;
}

/* Calls visit for every slot in use; its true frees the slot. Returns how many were freed. */
static int sweep(struct bucket *bucket, bool (*visit)(const struct slot *, uint64_t, void *), void *argument)
{
    int freed = 0;
    for (int kind = 0; kind < BUCKET_KINDS; kind++) {
        for (int i = 0; i < bucket->capacity[kind]; i++) {
            struct slot *slot = &bucket->shared->slots[kind][i];
            uint64_t word = atomic_load(&slot->word);
            if (word_state(word) != SLOT_FREE && visit(slot, word, argument)) {
                give_back(slot, word);
                freed++;
            }
        }
    }
    return freed;
}

static bool is_of_request(const struct slot *slot, uint64_t word, void *request_id)
{
    return word_state(word) == SLOT_HELD &&
           memcmp(slot->holder.request_id, request_id, BUCKET_REQUEST_ID_BYTES) == 0;
}

int bucket_release_request(struct bucket *bucket, const unsigned char request_id[BUCKET_REQUEST_ID_BYTES])
{
    unsigned char wanted[BUCKET_REQUEST_ID_BYTES];
    memcpy(wanted, request_id, sizeof wanted);
    return sweep(bucket, is_of_request, wanted);
}

static bool is_claim_of(const struct slot *slot, uint64_t word, void *pid)
{
    (void)slot;
    return word_state(word) == SLOT_CLAIMED && word_pid(word) == *(pid_t *)pid;
}

void bucket_worker_ended(struct bucket *bucket, pid_t pid)
{
    sweep(bucket, is_claim_of, &pid);
}

static bool is_claim_of_dead(const struct slot *slot, uint64_t word, void *none)
{
    (void)slot;
    (void)none;
    return word_state(word) == SLOT_CLAIMED && kill(word_pid(word), 0) != 0 && errno == ESRCH;
}

static void free_claims_of_the_dead(struct bucket *bucket)
{
    sweep(bucket, is_claim_of_dead, NULL);
}

/* Slots of one nginx worker tend to come together; the last answer is kept for the next slot. */
struct last_look {
    pid_t pid;
    uint64_t start;
};

static bool is_of_dead_nginx(const struct slot *slot, uint64_t word, void *argument)
{
    struct last_look *last = argument;
    if (word_state(word) != SLOT_HELD)
        return false;
    if (last->pid != slot->holder.nginx_pid)
        *last = (struct last_look){slot->holder.nginx_pid, process_start(slot->holder.nginx_pid)};
    return last->start != slot->nginx_start || last->start == 0;
}

int bucket_reap(struct bucket *bucket)
{
    struct last_look last = {0};
    return sweep(bucket, is_of_dead_nginx, &last);
}

int bucket_in_use(const struct bucket *bucket, enum bucket_kind kind)
{
    int count = 0;
    for (int i = 0; i < bucket->capacity[kind]; i++)
        count += word_state(atomic_load(&bucket->shared->slots[kind][i].word)) != SLOT_FREE;
    return count;
}

struct bucket_position *bucket_position(struct bucket *bucket)
{
    return &bucket->shared->position;
}
