#include "fcgi-api/password.h"

#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

/* The lowest cost. */
static const struct config config = {.password_memory_kib = 8, .password_passes = 1};

static void test_verify(void)
{
    char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];
    ok(password_hash(NULL, &config, BYTES("correct horse"), hash), "a password is hashed");
    ok(strncmp(hash, "$argon2id$", 10) == 0, "the hash is made by argon2id");
    ok(strstr(hash, "$m=8,t=1,"), "the hash has the cost of the settings");
    ok(password_verify(NULL, hash, BYTES("correct horse")), "the password matches its hash");
    ok(!password_verify(NULL, hash, BYTES("correct horsf")), "another password does not match");
    ok(!password_verify(NULL, hash, BYTES("correct hors")), "a shorter password does not match");
    ok(!password_verify(NULL, hash, BYTES("correct horse ")), "a longer password does not match");
    ok(!password_verify(NULL, hash, BYTES("")), "the empty password does not match");
    ok(password_hash(NULL, &config, BYTES("correct horse"), again), "the same password is hashed again");
    ok(strcmp(hash, again) != 0, "the second hash has another salt");
    ok(password_verify(NULL, again, BYTES("correct horse")), "the password matches the second hash");
}

static void test_bytes(void)
{
    char hash[PASSWORD_HASH_SIZE];
    ok(password_hash(NULL, &config, BYTES("a\0bcdefgh"), hash), "a password with a NUL is hashed");
    ok(password_verify(NULL, hash, BYTES("a\0bcdefgh")), "a password with a NUL matches its hash");
    ok(!password_verify(NULL, hash, BYTES("a\0bcdefgx")), "a different byte after the NUL does not match");
    ok(!password_verify(NULL, hash, BYTES("a")), "the part before the NUL does not match");
    ok(!password_verify(NULL, "", BYTES("a")), "nothing matches an empty hash");
    ok(!password_verify(NULL, "$argon2id$nonsense", BYTES("a")), "nothing matches an invalid hash");
}

static void test_outdated(void)
{
    static const struct config more_memory = {.password_memory_kib = 16, .password_passes = 1};
    static const struct config more_passes = {.password_memory_kib = 8, .password_passes = 2};
    char hash[PASSWORD_HASH_SIZE];
    ok(password_hash(NULL, &config, BYTES("correct horse"), hash),
       "a password is hashed at the cost of the settings");
    ok(!password_is_outdated(&config, hash), "a hash at the cost of the settings is up to date");
    ok(password_is_outdated(&more_memory, hash), "a hash made with less memory is outdated");
    ok(password_is_outdated(&more_passes, hash), "a hash made with fewer passes is outdated");
    ok(password_hash(NULL, &more_passes, BYTES("correct horse"), hash),
       "a password is hashed at a higher cost");
    ok(password_is_outdated(&config, hash), "a hash made at a higher cost is outdated");
}

int main(void)
{
    test_verify();
    test_bytes();
    test_outdated();
    return done_testing();
}
