#include "password.h"

static size_t memory_of(const struct config *config)
{
    return (size_t)config->password_memory_kib * 1024;
}

bool password_hash(const struct config *config, const char *password, size_t length,
                   char hash[PASSWORD_HASH_SIZE])
{
    return crypto_pwhash_str_alg(hash, password, length, (unsigned long long)config->password_passes,
                                 memory_of(config), crypto_pwhash_ALG_ARGON2ID13) == 0;
}

bool password_is_outdated(const struct config *config, const char *hash)
{
    return crypto_pwhash_str_needs_rehash(hash, (unsigned long long)config->password_passes,
                                          memory_of(config)) != 0;
}

bool password_verify(const char *hash, const char *password, size_t length)
{
    return crypto_pwhash_str_verify(hash, password, length) == 0;
}
