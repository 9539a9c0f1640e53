/* How often something may happen for one key: so many times at once, and then as often as a window of time gives
 * them back (the generic cell rate algorithm, ITU-T I.371, as a virtual schedule).
 *
 * All that is kept of a key is the moment at which its whole allowance will be back; past it, the key needs no
 * place. The table has a fixed size and lies in memory that the processes of a program share. When it is full, that
 * key is forgotten which would be soonest. Every function may be called from any thread. */
#ifndef FCGI_API_LIMITER_H
#define FCGI_API_LIMITER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"

struct limiter;

struct limit {
    int64_t count; /* 0: no limit */
    int64_t window_us;
};

/* To be called before the fork. NULL: out of memory. */
struct limiter *limiter_create(void);
void limiter_destroy(struct limiter *limiter);

/* The key of these bytes: hashed with a secret of the limiter's, so that nobody can make two that meet. */
uint64_t limiter_key(const struct limiter *limiter, const void *bytes, size_t length);

/* Takes cost times (all of the allowance, if it is less than that) at now_us, of clock_us. Returns 0 when they were
 * there; else nothing is taken, and it returns the microseconds until they are. */
WARN_UNUSED int64_t limiter_take(struct limiter *limiter, uint64_t key, const struct limit *limit,
                                 int64_t cost, int64_t now_us);

/* Gives them back before their time. */
void limiter_refund(struct limiter *limiter, uint64_t key, const struct limit *limit, int64_t cost);

#endif
