#include "fcgi-api/password.h"

#include "lib/metrics/metrics.h"

void password_turns_init(struct password_turns *turns, int64_t count)
{
    sem_init(&turns->left, 0, (unsigned)count);
    pthread_mutex_init(&turns->lock, NULL);
    turns->waiting = 0;
}

static void count_waiting(struct password_turns *turns, int change)
{
    pthread_mutex_lock(&turns->lock);
    turns->waiting += change;
    metrics_set(METRIC_PASSWORD_HASH_WAITING, turns->waiting);
    pthread_mutex_unlock(&turns->lock);
}

static void turn_begin(struct password_turns *turns)
{
    if (!turns)
        return;
    count_waiting(turns, 1);
    while (sem_wait(&turns->left) != 0)
        continue;
    count_waiting(turns, -1);
}

static void turn_end(struct password_turns *turns)
{
    if (turns)
        sem_post(&turns->left);
}

static size_t memory_of(const struct config *config)
{
    return (size_t)config->password_memory_kib * 1024;
}

bool password_hash(struct password_turns *turns, const struct config *config, const char *password,
                   size_t length, char hash[PASSWORD_HASH_SIZE])
{
    turn_begin(turns);
    bool done = crypto_pwhash_str_alg(hash, password, length, (unsigned long long)config->password_passes,
                                      memory_of(config), crypto_pwhash_ALG_ARGON2ID13) == 0;
    turn_end(turns);
    return done;
}

bool password_is_outdated(const struct config *config, const char *hash)
{
    return crypto_pwhash_str_needs_rehash(hash, (unsigned long long)config->password_passes,
                                          memory_of(config)) != 0;
}

bool password_verify(struct password_turns *turns, const char *hash, const char *password, size_t length)
{
    turn_begin(turns);
    bool right = crypto_pwhash_str_verify(hash, password, length) == 0;
    turn_end(turns);
    return right;
}
