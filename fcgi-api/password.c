#include "fcgi-api/password.h"

#include "lib/metrics/metrics.h"

void password_slots_init(struct password_slots *slots, int64_t count)
{
    sem_init(&slots->available, 0, (unsigned)count);
    pthread_mutex_init(&slots->lock, NULL);
    slots->waiting = 0;
}

static void count_waiting(struct password_slots *slots, int change)
{
    pthread_mutex_lock(&slots->lock);
    slots->waiting += change;
    metrics_set(METRIC_PASSWORD_HASH_WAITING, slots->waiting);
    pthread_mutex_unlock(&slots->lock);
}

static void slot_acquire(struct password_slots *slots)
{
    if (!slots)
        return;
    count_waiting(slots, 1);
    while (sem_wait(&slots->available) != 0)
        continue;
    count_waiting(slots, -1);
}

static void slot_release(struct password_slots *slots)
{
    if (slots)
        sem_post(&slots->available);
}

static size_t memory_of(const struct config *config)
{
    return (size_t)config->password_memory_kib * 1024;
}

bool password_hash(struct password_slots *slots, const struct config *config, const char *password,
                   size_t length, char hash[PASSWORD_HASH_SIZE])
{
    slot_acquire(slots);
    bool done = crypto_pwhash_str_alg(hash, password, length, (unsigned long long)config->password_passes,
                                      memory_of(config), crypto_pwhash_ALG_ARGON2ID13) == 0;
    slot_release(slots);
    return done;
}

bool password_is_outdated(const struct config *config, const char *hash)
{
    return crypto_pwhash_str_needs_rehash(hash, (unsigned long long)config->password_passes,
                                          memory_of(config)) != 0;
}

bool password_verify(struct password_slots *slots, const char *hash, const char *password, size_t length)
{
    slot_acquire(slots);
    bool correct = crypto_pwhash_str_verify(hash, password, length) == 0;
    slot_release(slots);
    return correct;
}
