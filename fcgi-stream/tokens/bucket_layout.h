/* The bucket's layout in shared memory; private to bucket.c and bucket_file.c.
 *
 * A slot's state is in its word. The words of a kind are contiguous, so that scanning all
 * slots is cheap. The slot itself is valid only while its word says SLOT_HELD. */
#ifndef FCGI_STREAM_TOKENS_BUCKET_LAYOUT_H
#define FCGI_STREAM_TOKENS_BUCKET_LAYOUT_H

#include <stdatomic.h>

#include "fcgi-stream/tokens/bucket.h"
#include "lib/base/shared_memory.h"

enum { SLOTS_MAX = 100000, LAYOUT_VERSION = 5 };

/* A worker claims a free slot, fills it in, and then holds it. */
enum slot_state { SLOT_FREE, SLOT_CLAIMED, SLOT_HELD };

struct slot {
    struct bucket_holder holder;
    uint64_t nginx_start; /* process_start() of holder.nginx_pid */
    int64_t since_ms;     /* of clock_ms */
};

_Static_assert(sizeof(struct slot) == 96, "another layout needs another LAYOUT_VERSION");

/* The file is sparse: only slots below a capacity have memory. */
struct shared {
    struct shared_memory_head head;
    /* Random, never 0. Part of each token's name, so that a name from an earlier bucket
     * never matches a token of this one. */
    uint32_t epoch;
    _Atomic int32_t client_cap[BUCKET_KINDS]; /* 0: unlimited */
    _Atomic int32_t capacity[BUCKET_KINDS];
    /* After the capacity was lowered, slots below this index may still be in use. */
    _Atomic int32_t beyond[BUCKET_KINDS];
    /* The settings as they were last read. */
    int32_t set_client_cap[BUCKET_KINDS], set_capacity[BUCKET_KINDS];
    struct bucket_position position;
    _Alignas(64) _Atomic uint64_t words[BUCKET_KINDS][SLOTS_MAX];
    /* The client of each slot, outside the slots so that counting a client is cheap. */
    _Atomic uint64_t clients[BUCKET_KINDS][SLOTS_MAX];
    struct slot slots[BUCKET_KINDS][SLOTS_MAX];
};

struct bucket {
    struct shared *shared;
    struct shared_memory file;
};

/* The end of the slots that may be in use. */
static inline int slot_end(const struct shared *shared, enum bucket_kind kind)
{
    int capacity = atomic_load(&shared->capacity[kind]), beyond = atomic_load(&shared->beyond[kind]);
    return beyond > capacity ? beyond : capacity;
}

/* Frees the slots that were claimed by workers that are dead now. */
void bucket_free_dead_claims(struct bucket *bucket);

#endif
