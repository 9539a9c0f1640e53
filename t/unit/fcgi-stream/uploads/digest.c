#include "fcgi-stream/uploads/digest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

#define SHA256_OF_ABC "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
#define SHA1_OF_ABC   "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
#define SHA256_OF_NIL "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static const struct {
    const char *text;
    enum digest_field expected;
} fields[] = {
    {"sha-256=:" SHA256_OF_ABC ":", DIGEST_GIVEN},
    {" sha-256=:" SHA256_OF_ABC ":  ", DIGEST_GIVEN},
    {"sha-512=:AA==:, sha-256=:" SHA256_OF_ABC ":", DIGEST_GIVEN},
    {"sha-256=:" SHA256_OF_ABC ":,\tunixsum=:AA==:", DIGEST_GIVEN},
    {"sha-256=:" SHA256_OF_NIL ":, sha-256=:" SHA256_OF_ABC ":", DIGEST_GIVEN},
    {"", DIGEST_NONE},
    {"sha-512=:AA==:", DIGEST_NONE},
    {"sha-256x=:AA==:", DIGEST_NONE},
    {"sha-256", DIGEST_MALFORMED},
    {"sha-256=", DIGEST_MALFORMED},
    {"sha-256=::", DIGEST_MALFORMED},
    {"sha-256=:AA==:", DIGEST_MALFORMED},
    {"sha-256=" SHA256_OF_ABC, DIGEST_MALFORMED},
    {"sha-256=:" SHA256_OF_ABC, DIGEST_MALFORMED},
    {"sha-256=:" SHA256_OF_ABC "AAAA:", DIGEST_MALFORMED},
    {"sha-256=:" SHA256_OF_ABC ":,", DIGEST_MALFORMED},
    {"sha-256=:" SHA256_OF_ABC ":;x", DIGEST_MALFORMED},
    {"sha-256=:" SHA256_OF_ABC ": sha-512=:AA==:", DIGEST_MALFORMED},
    {"SHA-256=:" SHA256_OF_ABC ":", DIGEST_MALFORMED},
    {",", DIGEST_MALFORMED},
    {"=:AA==:", DIGEST_MALFORMED},
    {"sha-512=1", DIGEST_MALFORMED},
};

static const struct {
    const char *text;
    enum digest_field expected;
} checksums[] = {
    {"sha256 " SHA256_OF_ABC, DIGEST_GIVEN},
    {"sha1 " SHA1_OF_ABC, DIGEST_GIVEN},
    {"", DIGEST_NONE},
    {"sha1", DIGEST_MALFORMED},
    {"sha1 ", DIGEST_MALFORMED},
    {"sha1  " SHA1_OF_ABC, DIGEST_MALFORMED},
    {"sha1 " SHA1_OF_ABC " ", DIGEST_MALFORMED},
    {"sha1 " SHA256_OF_ABC, DIGEST_MALFORMED},
    {"sha256 " SHA1_OF_ABC, DIGEST_MALFORMED},
    {"sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0", DIGEST_MALFORMED},
    {"md5 AAAAAAAAAAAAAAAAAAAAAA==", DIGEST_MALFORMED},
    {"SHA1 " SHA1_OF_ABC, DIGEST_MALFORMED},
};

/* Whether the first length bytes of a file with this content match the digest. */
static bool matches(const struct digest *digest, const char *content, off_t length)
{
    bool same = false;
    int fd = scratch_file("body", content, strlen(content));
    ok(digest_check(fd, length, digest, &same), "a file can be read");
    close(fd);
    return same;
}

static void test_check(const struct digest *digest)
{
    bool same;
    ok(matches(digest, "abc", 3), "the same content matches");
    ok(matches(digest, "abcd", 3), "bytes beyond the length are ignored");
    ok(!matches(digest, "abd", 3), "other content does not match");
    ok(!matches(digest, "abc", 0), "empty content does not match");
    int fd = scratch_file("body", BYTES("abc"));
    ok(!digest_check(fd, 4, digest, &same), "a file that is too short is an error");
    is_int(errno, EIO, "errno of a file that is too short");
    ok(!digest_check(-1, 3, digest, &same), "an invalid descriptor is an error");
    is_int(errno, EBADF, "errno of an invalid descriptor");
    close(fd);
}

int main(void)
{
    struct digest digest;
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        is_int(digest_parse_field(fields[i].text, &digest), fields[i].expected, "Content-Digest: %s",
               fields[i].text);
    for (size_t i = 0; i < COUNT_OF(checksums); i++)
        is_int(digest_parse_checksum(checksums[i].text, &digest), checksums[i].expected,
               "Upload-Checksum: %s", checksums[i].text);
    digest_parse_field(fields[4].text, &digest);
    test_check(&digest);
    digest_parse_checksum("sha1 " SHA1_OF_ABC, &digest);
    test_check(&digest);
    return done_testing();
}
