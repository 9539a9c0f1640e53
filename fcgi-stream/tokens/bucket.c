#include "fcgi-stream/tokens/bucket.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fcgi-stream/tokens/bucket_layout.h"
#include "fcgi-stream/tokens/process_start.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/param.h"
#include "lib/metrics/metrics.h"

enum { START_CACHE_SIZE = 64, START_CACHE_MS = 1000 };

/* A slot's word, from its highest bits: the state (2 bits), the generation, which counts
 * how often the slot has been freed (24), the tag, which is the start of the request id
 * (16), and the pid of the worker that claimed it (22, the kernel's PID_MAX_LIMIT). */
enum { PID_BITS = 22, TAG_BITS = 16, GENERATION_BITS = 24 };

static uint64_t make_word(enum slot_state state, uint32_t generation, uint16_t tag, pid_t pid)
{
    const uint32_t generation_mask = (1U << GENERATION_BITS) - 1;
    return (uint64_t)state << (GENERATION_BITS + TAG_BITS + PID_BITS) |
           (uint64_t)(generation & generation_mask) << (TAG_BITS + PID_BITS) | (uint64_t)tag << PID_BITS |
           (uint32_t)pid;
}

static enum slot_state word_state(uint64_t word)
{
    return (enum slot_state)(word >> (GENERATION_BITS + TAG_BITS + PID_BITS));
}

static uint32_t word_generation(uint64_t word)
{
    return word >> (TAG_BITS + PID_BITS) & ((1U << GENERATION_BITS) - 1);
}

static uint16_t word_tag(uint64_t word)
{
    return word >> PID_BITS & 0xffff;
}

static pid_t word_pid(uint64_t word)
{
    return (pid_t)(word & ((1U << PID_BITS) - 1));
}

static uint16_t tag_of(const unsigned char request_id[BUCKET_REQUEST_ID_BYTES])
{
    return (uint16_t)(request_id[0] | request_id[1] << 8);
}

/* The start time of an nginx worker, cached per thread for a second. */
static uint64_t nginx_start(pid_t pid)
{
    static _Thread_local struct {
        pid_t pid;
        uint64_t start;
        int64_t read_ms;
    } cache[START_CACHE_SIZE];
    unsigned at = (unsigned)pid % START_CACHE_SIZE;
    int64_t now = clock_ms();
    if (cache[at].pid != pid || now - cache[at].read_ms > START_CACHE_MS) {
        cache[at].pid = pid;
        cache[at].start = process_start(pid);
        cache[at].read_ms = now;
    }
    return cache[at].start;
}

/* Returns false when the slot has changed since its word was read. */
static bool free_slot(_Atomic uint64_t *slot_word, uint64_t word)
{
    uint64_t freed = make_word(SLOT_FREE, word_generation(word) + 1, 0, 0);
    return atomic_compare_exchange_strong(slot_word, &word, freed);
}

static int count_in_use(const struct shared *shared, enum bucket_kind kind, int from, int to)
{
    int count = 0;
    for (int i = from; i < to; i++)
        count += word_state(atomic_load(&shared->words[kind][i])) != SLOT_FREE;
    return count;
}

static int count_client(const struct shared *shared, enum bucket_kind kind, uint64_t client)
{
    int count = 0, end = slot_end(shared, kind);
    for (int i = 0; i < end; i++)
        count += word_state(atomic_load(&shared->words[kind][i])) != SLOT_FREE &&
                 atomic_load(&shared->clients[kind][i]) == client;
    return count;
}

/* Claims a free slot, starting at a random one. Returns -1 when there is none. */
static int claim(struct shared *shared, enum bucket_kind kind, const struct bucket_holder *holder,
                 uint64_t *word)
{
    unsigned start, capacity = (unsigned)atomic_load(&shared->capacity[kind]);
    pid_t pid = getpid();
    memcpy(&start, holder->request_id, sizeof start);
    for (unsigned i = 0; i < capacity; i++) {
        unsigned at = (start % capacity + i) % capacity;
        uint64_t now = atomic_load_explicit(&shared->words[kind][at], memory_order_relaxed);
        if (word_state(now) != SLOT_FREE)
            continue;
        *word = make_word(SLOT_CLAIMED, word_generation(now), tag_of(holder->request_id), pid);
        if (atomic_compare_exchange_strong(&shared->words[kind][at], &now, *word))
            return (int)at;
    }
    return -1;
}

/* Whether the claimed slot exceeds the capacity. After the capacity was lowered, slots
 * beyond it may still be held, and this slot may itself lie beyond it. */
static bool is_over_capacity(const struct shared *shared, enum bucket_kind kind, int at)
{
    int capacity = atomic_load(&shared->capacity[kind]), end = slot_end(shared, kind);
    return at >= capacity || (end > capacity && count_in_use(shared, kind, 0, end) > capacity);
}

enum bucket_outcome bucket_acquire(struct bucket *bucket, enum bucket_kind kind,
                                   const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE])
{
    struct shared *shared = bucket->shared;
    int cap = atomic_load(&shared->client_cap[kind]);
    uint64_t word;
    int at = claim(shared, kind, holder, &word);
    if (at < 0)
        return BUCKET_FULL;
    _Atomic uint64_t *slot_word = &shared->words[kind][at];
    shared->slots[kind][at] = (struct slot){*holder, nginx_start(holder->nginx_pid), clock_ms()};
    atomic_store(&shared->clients[kind][at], holder->client);
    if (is_over_capacity(shared, kind, at)) {
        free_slot(slot_word, word);
        return BUCKET_FULL;
    }
    if (cap > 0 && count_client(shared, kind, holder->client) > cap) {
        free_slot(slot_word, word);
        return BUCKET_CLIENT_FULL;
    }
    atomic_store(slot_word, make_word(SLOT_HELD, word_generation(word), word_tag(word), word_pid(word)));
    snprintf(token, BUCKET_TOKEN_SIZE, "%d.%d.%" PRIu32 ".%" PRIu32, (int)kind, at, word_generation(word),
             shared->epoch);
    return BUCKET_TAKEN;
}

/* The parts of a token's name, as bucket_acquire writes it. */
enum token_part { TOKEN_KIND, TOKEN_SLOT, TOKEN_GENERATION, TOKEN_EPOCH, TOKEN_PARTS };

static bool parse_token(const char *token, int64_t parts[TOKEN_PARTS])
{
    static const int64_t max[TOKEN_PARTS] = {BUCKET_KINDS - 1, SLOTS_MAX - 1, UINT32_MAX, UINT32_MAX};
    for (enum token_part part = 0; part < TOKEN_PARTS; part++) {
        size_t length = strcspn(token, ".");
        bool last = part == TOKEN_PARTS - 1;
        if (!param_number(token, length, max[part], &parts[part]) || (token[length] == '\0') != last)
            return false;
        token += length + 1;
    }
    return true;
}

bool bucket_release(struct bucket *bucket, const char *token, struct bucket_holder *holder)
{
    int64_t parts[TOKEN_PARTS];
    struct shared *shared = bucket->shared;
    if (!parse_token(token, parts) || parts[TOKEN_EPOCH] != shared->epoch)
        return false;
    int64_t kind = parts[TOKEN_KIND], at = parts[TOKEN_SLOT];
    uint64_t word = atomic_load(&shared->words[kind][at]);
    if (word_state(word) != SLOT_HELD || word_generation(word) != parts[TOKEN_GENERATION])
        return false;
    if (holder)
        *holder = shared->slots[kind][at].holder;
    return free_slot(&shared->words[kind][at], word);
}

/* Calls visit for each slot in use and frees the slot when visit returns true. Returns
 * the number of slots freed. */
typedef bool slot_visit(const struct slot *slot, uint64_t word, void *argument);
static int sweep_kind(struct shared *shared, enum bucket_kind kind, slot_visit *visit, void *argument)
{
    int freed = 0, end = slot_end(shared, kind);
    for (int i = 0; i < end; i++) {
        uint64_t word = atomic_load(&shared->words[kind][i]);
        if (word_state(word) != SLOT_FREE && visit(&shared->slots[kind][i], word, argument))
            freed += free_slot(&shared->words[kind][i], word);
    }
    return freed;
}

static int sweep(struct bucket *bucket, slot_visit *visit, void *argument)
{
    int freed = 0;
    for (enum bucket_kind kind = 0; kind < BUCKET_KINDS; kind++)
        freed += sweep_kind(bucket->shared, kind, visit, argument);
    return freed;
}

/* As sweep, and adds the tokens to the reaped metrics. */
static int reap(struct bucket *bucket, slot_visit *visit, void *argument)
{
    static const enum metric metrics[BUCKET_KINDS] = {METRIC_STREAM_TOKENS_REAPED,
                                                      METRIC_UPLOAD_TOKENS_REAPED};
    int sum = 0;
    for (enum bucket_kind kind = 0; kind < BUCKET_KINDS; kind++) {
        int freed = sweep_kind(bucket->shared, kind, visit, argument);
        metrics_add(metrics[kind], freed);
        sum += freed;
    }
    return sum;
}

struct request_search {
    const unsigned char *request_id;
    struct bucket_holder *holder;
};

static bool is_of_request(const struct slot *slot, uint64_t word, void *argument)
{
    const struct request_search *search = argument;
    if (word_state(word) != SLOT_HELD || word_tag(word) != tag_of(search->request_id) ||
        memcmp(slot->holder.request_id, search->request_id, BUCKET_REQUEST_ID_BYTES) != 0)
        return false;
    if (search->holder)
        *search->holder = slot->holder;
    return true;
}

int bucket_release_request(struct bucket *bucket, const unsigned char request_id[BUCKET_REQUEST_ID_BYTES],
                           struct bucket_holder *holder)
{
    struct request_search search = {request_id, holder};
    return sweep(bucket, is_of_request, &search);
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

void bucket_free_dead_claims(struct bucket *bucket)
{
    sweep(bucket, is_claim_of_dead, NULL);
}

/* The last process looked up; adjacent slots often belong to the same nginx worker. */
struct last_lookup {
    pid_t pid;
    uint64_t start;
};

static bool is_of_dead_nginx(const struct slot *slot, uint64_t word, void *argument)
{
    struct last_lookup *last = argument;
    if (word_state(word) != SLOT_HELD)
        return false;
    if (last->pid != slot->holder.nginx_pid)
        *last = (struct last_lookup){slot->holder.nginx_pid, process_start(slot->holder.nginx_pid)};
    return last->start != slot->nginx_start || last->start == 0;
}

/* Stops scanning the slots beyond a lowered capacity once all of them are free. */
static void shrink_to_capacity(struct shared *shared, enum bucket_kind kind)
{
    int capacity = atomic_load(&shared->capacity[kind]), beyond = atomic_load(&shared->beyond[kind]);
    if (beyond > capacity && count_in_use(shared, kind, capacity, beyond) == 0)
        atomic_compare_exchange_strong(&shared->beyond[kind], &beyond, 0);
}

int bucket_reap(struct bucket *bucket)
{
    struct last_lookup last = {0};
    int reaped = reap(bucket, is_of_dead_nginx, &last);
    for (enum bucket_kind kind = 0; kind < BUCKET_KINDS; kind++)
        shrink_to_capacity(bucket->shared, kind);
    return reaped;
}

struct connection_check {
    int sock_diag;
    int64_t taken_before_ms;
};

static bool is_of_closed_connection(const struct slot *slot, uint64_t word, void *argument)
{
    const struct connection_check *check = argument;
    return word_state(word) == SLOT_HELD && slot->since_ms <= check->taken_before_ms &&
           connection_is_closed(check->sock_diag, &slot->holder.connection);
}

int bucket_reap_connections(struct bucket *bucket, int64_t min_age_ms)
{
    struct connection_check check = {connection_open_sock_diag(), clock_ms() - min_age_ms};
    if (check.sock_diag < 0) {
        log_write(LOG_WARNING, "sock_diag_failed", "reason=\"%s\"", strerror(errno));
        return 0;
    }
    int reaped = reap(bucket, is_of_closed_connection, &check);
    close(check.sock_diag);
    return reaped;
}

int bucket_in_use(const struct bucket *bucket, enum bucket_kind kind)
{
    return count_in_use(bucket->shared, kind, 0, slot_end(bucket->shared, kind));
}

uint64_t bucket_releases(const struct bucket *bucket, enum bucket_kind kind)
{
    const struct shared *shared = bucket->shared;
    uint64_t sum = 0;
    int end = slot_end(shared, kind);
    for (int i = 0; i < end; i++)
        sum += word_generation(atomic_load_explicit(&shared->words[kind][i], memory_order_relaxed));
    return sum;
}

void bucket_each(const struct bucket *bucket, enum bucket_kind kind, bucket_visit *visit, void *argument)
{
    const struct shared *shared = bucket->shared;
    int end = slot_end(shared, kind);
    int64_t now_ms = clock_ms();
    for (int i = 0; i < end; i++) {
        const struct slot *slot = &shared->slots[kind][i];
        if (word_state(atomic_load(&shared->words[kind][i])) == SLOT_HELD)
            visit(&slot->holder, now_ms - slot->since_ms, argument);
    }
}
