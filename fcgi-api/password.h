/* Password hashing with libsodium's argon2id, at the cost given by the settings.
 *
 * A hash takes tens of milliseconds and VS_PASSWORD_MEMORY_KIB of memory. Therefore only
 * the login pool hashes, and only VS_PASSWORD_THREADS of its threads at the same time;
 * the others wait for a slot. NULL slots mean no limit. */
#ifndef FCGI_API_PASSWORD_H
#define FCGI_API_PASSWORD_H

#include <pthread.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"
#include "lib/base/config.h"

enum { PASSWORD_HASH_SIZE = crypto_pwhash_STRBYTES };

struct password_slots {
    sem_t available;
    pthread_mutex_t lock; /* updates waiting and its metric together */
    int waiting;
};

/* count: how many passwords may be hashed at the same time. */
void password_slots_init(struct password_slots *slots, int64_t count);

/* Writes the hash of a password as text. False: out of memory. */
WARN_UNUSED bool password_hash(struct password_slots *slots, const struct config *config,
                               const char *password, size_t length, char hash[PASSWORD_HASH_SIZE]);

/* True when the cost of the hash differs from that of the settings. */
WARN_UNUSED bool password_is_outdated(const struct config *config, const char *hash);

/* True when the hash is that of the password. */
WARN_UNUSED bool password_verify(struct password_slots *slots, const char *hash, const char *password,
                                 size_t length);

#endif
