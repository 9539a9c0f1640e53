#include "fcgi-api/limiter.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>

/* Set-associative, 1 MiB: the slot of a key is in one set. */
enum { SETS = 8192, WAYS = 8 };

struct slot {
    uint64_t key;
    /* when the allowance is full again; if in the past, the slot is free */
    int64_t full_us;
};

struct limiter {
    pthread_mutex_t lock;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    struct slot sets[SETS][WAYS];
};

struct limiter *limiter_create(void)
{
    struct limiter *limiter =
        mmap(NULL, sizeof *limiter, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (limiter == MAP_FAILED)
        return NULL;
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&limiter->lock, &shared);
    pthread_mutexattr_destroy(&shared);
    randombytes_buf(limiter->secret, sizeof limiter->secret);
    return limiter;
}

void limiter_destroy(struct limiter *limiter)
{
    if (!limiter)
        return;
    pthread_mutex_destroy(&limiter->lock);
    munmap(limiter, sizeof *limiter);
}

uint64_t limiter_key(const struct limiter *limiter, const void *bytes, size_t length)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t key;
    crypto_shorthash(hash, bytes, length, limiter->secret);
    memcpy(&key, hash, sizeof key);
    return key;
}

/* A process that died with the lock held can have left one slot wrong, nothing worse. */
static void lock(struct limiter *limiter)
{
    if (pthread_mutex_lock(&limiter->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&limiter->lock);
}

/* NULL: the key has no slot. */
static struct slot *slot_find(struct limiter *limiter, uint64_t key)
{
    struct slot *set = limiter->sets[key % SETS];
    for (int i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

/* Assigns the slot that is free, or would be soonest, to a key that has none. */
static struct slot *slot_assign(struct limiter *limiter, uint64_t key)
{
    struct slot *set = limiter->sets[key % SETS], *soonest = set;
    for (int i = 1; i < WAYS; i++)
        if (set[i].full_us < soonest->full_us)
            soonest = &set[i];
    *soonest = (struct slot){.key = key};
    return soonest;
}

static int64_t span_us(const struct limit *limit, int64_t cost)
{
    return cost < limit->count ? cost * (limit->window_us / limit->count) : limit->window_us;
}

static int64_t take(struct limiter *limiter, uint64_t key, int64_t span, int64_t window_us, int64_t now_us)
{
    struct slot *slot = slot_find(limiter, key);
    int64_t full_us = (slot && slot->full_us > now_us ? slot->full_us : now_us) + span;
    if (full_us > now_us + window_us)
        return full_us - now_us - window_us;
    if (!slot)
        slot = slot_assign(limiter, key);
    slot->full_us = full_us;
    return 0;
}

int64_t limiter_take(struct limiter *limiter, uint64_t key, const struct limit *limit, int64_t cost,
                     int64_t now_us)
{
    if (limit->count == 0)
        return 0;
    lock(limiter);
    int64_t wait_us = take(limiter, key, span_us(limit, cost), limit->window_us, now_us);
    pthread_mutex_unlock(&limiter->lock);
    return wait_us;
}

void limiter_refund(struct limiter *limiter, uint64_t key, const struct limit *limit, int64_t cost)
{
    if (limit->count == 0)
        return;
    lock(limiter);
    struct slot *slot = slot_find(limiter, key);
    if (slot)
        slot->full_us -= span_us(limit, cost);
    pthread_mutex_unlock(&limiter->lock);
}
