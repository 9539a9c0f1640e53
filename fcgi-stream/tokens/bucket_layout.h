/* How the bucket lies in shared memory; for bucket.c and bucket_file.c alone.
 *
 * Whether a slot is free is in its word, and all words of a kind lie together, so that looking through them
 * costs little. Everything else about a slot is valid while it is held. */
#ifndef FCGI_STREAM_TOKENS_BUCKET_LAYOUT_H
#define FCGI_STREAM_TOKENS_BUCKET_LAYOUT_H

#include <stdatomic.h>

#include "fcgi-stream/tokens/bucket.h"
#include "lib/base/shared_memory.h"

enum { SLOTS_MAX = 100000, LAYOUT_VERSION = 5 };

enum slot_state { SLOT_FREE, SLOT_CLAIMED, SLOT_HELD };

struct slot {
    struct bucket_holder holder;
    uint64_t nginx_start;
    int64_t since_ms; /* of clock_ms */
};

_Static_assert(sizeof(struct slot) == 96, "another layout needs another LAYOUT_VERSION");

/* Sparse: only what is in use takes memory. */
struct shared {
    struct shared_memory_head head;
    uint32_t
        epoch; /* not 0; part of each token's name, so that those of an earlier bucket name none of this one */
    _Atomic int32_t client_cap[BUCKET_KINDS]; /* 0: none */
    _Atomic int32_t capacity[BUCKET_KINDS];
    _Atomic int32_t beyond[BUCKET_KINDS]; /* after the capacity was lowered: slots up to here may be in use */
    int32_t set_client_cap[BUCKET_KINDS], set_capacity[BUCKET_KINDS]; /* by the settings when last read */
    struct bucket_position position;
    _Alignas(64) _Atomic uint64_t words[BUCKET_KINDS][SLOTS_MAX];
    _Atomic uint64_t clients[BUCKET_KINDS][SLOTS_MAX]; /* the holders', for others to count */
    struct slot slots[BUCKET_KINDS][SLOTS_MAX];
};

struct bucket {
    struct shared *shared;
    struct shared_memory file;
};

/* No slot from here on is in use. */
static inline int slot_end(const struct shared *shared, enum bucket_kind kind)
{
    int capacity = atomic_load(&shared->capacity[kind]), beyond = atomic_load(&shared->beyond[kind]);
    return beyond > capacity ? beyond : capacity;
}

/* Frees the slots that workers were taking which are dead by now. */
void bucket_free_dead_claims(struct bucket *bucket);

#endif
