#include "fcgi-api/password.h"

#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

/* As cheap as can be. */
static const struct config config = {.password_memory_kib = 8, .password_passes = 1};

static void test_verify(void)
{
    char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];
    ok(password_hash(NULL, &config, BYTES("correct horse"), hash), "a password is hashed");
    ok(strncmp(hash, "$argon2id$", 10) == 0, "by argon2id");
    ok(strstr(hash, "$m=8,t=1,"), "at the cost that is set");
    ok(password_verify(NULL, hash, BYTES("correct horse")), "it is the right one");
    ok(!password_verify(NULL, hash, BYTES("correct horsf")), "another isn't");
    ok(!password_verify(NULL, hash, BYTES("correct hors")), "nor is a shorter one");
    ok(!password_verify(NULL, hash, BYTES("correct horse ")), "nor a longer one");
    ok(!password_verify(NULL, hash, BYTES("")), "nor none");
    ok(password_hash(NULL, &config, BYTES("correct horse"), again), "once more");
    ok(strcmp(hash, again) != 0, "the hash has another salt");
    ok(password_verify(NULL, again, BYTES("correct horse")), "and is as good");
}

static void test_bytes(void)
{
    char hash[PASSWORD_HASH_SIZE];
    ok(password_hash(NULL, &config, BYTES("a\0bcdefgh"), hash), "a password with a NUL");
    ok(password_verify(NULL, hash, BYTES("a\0bcdefgh")), "is that");
    ok(!password_verify(NULL, hash, BYTES("a\0bcdefgx")), "what is behind the NUL counts");
    ok(!password_verify(NULL, hash, BYTES("a")), "and can't be left out");
    ok(!password_verify(NULL, "", BYTES("a")), "no hash is nobody's");
    ok(!password_verify(NULL, "$argon2id$nonsense", BYTES("a")), "nor is a broken one");
}

static void test_outdated(void)
{
    static const struct config more_memory = {.password_memory_kib = 16, .password_passes = 1};
    static const struct config more_passes = {.password_memory_kib = 8, .password_passes = 2};
    char hash[PASSWORD_HASH_SIZE];
    ok(password_hash(NULL, &config, BYTES("correct horse"), hash), "a hash");
    ok(!password_is_outdated(&config, hash), "is as the settings say");
    ok(password_is_outdated(&more_memory, hash), "until they want more memory");
    ok(password_is_outdated(&more_passes, hash), "or more passes");
    ok(password_hash(NULL, &more_passes, BYTES("correct horse"), hash), "a dearer hash");
    ok(password_is_outdated(&config, hash), "is outdated as well");
}

int main(void)
{
    test_verify();
    test_bytes();
    test_outdated();
    return done_testing();
}
