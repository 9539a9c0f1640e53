/* Passwords: argon2id by libsodium, with the settings' cost. A hash takes tens of milliseconds and the
 * memory of VS_PASSWORD_MEMORY_KIB while it runs, so it is done in the login pool only, and by VS_PASSWORD_THREADS of
 * its threads at a time; others wait for their turn. NULL: no need to wait. */
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

struct password_turns {
    sem_t left;
    pthread_mutex_t lock; /* of the count, so that the metric is the last one */
    int waiting;
};

/* So many may hash at a time. */
void password_turns_init(struct password_turns *turns, int64_t count);

/* Writes the hash of a password as text; false when there was no memory for it. */
WARN_UNUSED bool password_hash(struct password_turns *turns, const struct config *config,
                               const char *password, size_t length, char hash[PASSWORD_HASH_SIZE]);

/* True when the settings have another cost than the hash had. */
WARN_UNUSED bool password_is_outdated(const struct config *config, const char *hash);

/* True when the password is the one that was hashed. */
WARN_UNUSED bool password_verify(struct password_turns *turns, const char *hash, const char *password,
                                 size_t length);

#endif
