/* A rate limiter: per key, a burst of `count` units that refills evenly over a window of
 * time. It is the generic cell rate algorithm (ITU-T I.371, virtual scheduling).
 *
 * The only state of a key is the time at which its allowance will be full again; after
 * that time the key needs no slot. The table has a fixed size and lives in memory that
 * all processes of a program share. When no slot is free for a key, the key whose
 * allowance would be full soonest is evicted. All functions are thread-safe. */
#ifndef FCGI_API_LIMITER_H
#define FCGI_API_LIMITER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"

struct limiter;

struct limit {
    int64_t count; /* 0: unlimited */
    int64_t window_us;
};

/* Call it before the fork. NULL: out of memory. */
struct limiter *limiter_create(void);
void limiter_destroy(struct limiter *limiter);

/* Returns the key for these bytes. It is hashed with a random secret of this limiter, so
 * that nobody can construct colliding keys. */
uint64_t limiter_key(const struct limiter *limiter, const void *bytes, size_t length);

/* Takes cost units, at most limit->count, at the time now_us (of clock_us). Returns 0
 * when they were available; otherwise takes nothing and returns the microseconds until
 * they will be. */
WARN_UNUSED int64_t limiter_take(struct limiter *limiter, uint64_t key, const struct limit *limit,
                                 int64_t cost, int64_t now_us);

/* Gives cost units back; at most limit->count are available afterwards. */
void limiter_refund(struct limiter *limiter, uint64_t key, const struct limit *limit, int64_t cost);

#endif
