#include "fcgi-stream/uploads/digest.h"

#include <errno.h>
#include <sha1.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SIZE = 64 * 1024 };

static size_t size_of(enum digest_kind kind)
{
    return kind == DIGEST_SHA1 ? SHA1_DIGEST_LENGTH : crypto_hash_sha256_BYTES;
}

/* Decodes padded base64 (RFC 4648, section 4) of exactly the digest's size. */
static bool decode(const char *text, size_t length, enum digest_kind kind, struct digest *out)
{
    size_t size;
    out->kind = kind;
    return sodium_base642bin(out->bytes, sizeof out->bytes, text, length, NULL, &size, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           size == size_of(kind);
}

/* Returns the start of the next member (RFC 8941, section 3.2), or NULL when the text
 * after this one is not valid. */
static const char *skip_comma(const char *at)
{
    at += strspn(at, " \t");
    if (!*at)
        return at;
    if (*at != ',')
        return NULL;
    at++;
    at += strspn(at, " \t");
    return *at ? at : NULL;
}

enum digest_field digest_parse_field(const char *text, struct digest *out)
{
    static const char wanted[] = "sha-256";
    enum digest_field found = DIGEST_NONE;
    const char *at = text + strspn(text, " ");
    while (at && *at) {
        size_t name = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_-.*");
        if (name == 0 || strncmp(at + name, "=:", 2) != 0)
            return DIGEST_MALFORMED;
        const char *value = at + name + 2;
        size_t length = strcspn(value, ":");
        if (value[length] != ':')
            return DIGEST_MALFORMED;
        if (name == sizeof wanted - 1 && memcmp(at, wanted, name) == 0) {
            if (!decode(value, length, DIGEST_SHA256, out))
                return DIGEST_MALFORMED;
            found = DIGEST_GIVEN;
        }
        at = skip_comma(value + length + 1);
    }
    return at ? found : DIGEST_MALFORMED;
}

enum digest_field digest_parse_checksum(const char *text, struct digest *out)
{
    static const struct {
        const char *prefix;
        enum digest_kind kind;
    } kinds[] = {{"sha1 ", DIGEST_SHA1}, {"sha256 ", DIGEST_SHA256}};
    if (!*text)
        return DIGEST_NONE;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        size_t length = strlen(kinds[i].prefix);
        if (strncmp(text, kinds[i].prefix, length) == 0)
            return decode(text + length, strlen(text + length), kinds[i].kind, out) ? DIGEST_GIVEN
                                                                                    : DIGEST_MALFORMED;
    }
    return DIGEST_MALFORMED;
}

struct hash {
    SHA1_CTX sha1;
    crypto_hash_sha256_state sha256;
};

static bool hash_file(int fd, off_t length, enum digest_kind kind, struct hash *hash)
{
    unsigned char block[BLOCK_SIZE];
    for (off_t at = 0; at < length;) {
        size_t wanted = length - at < BLOCK_SIZE ? (size_t)(length - at) : BLOCK_SIZE;
        ssize_t got = pread(fd, block, wanted, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO;
        if (got <= 0)
            return false;
        if (kind == DIGEST_SHA1)
            SHA1Update(&hash->sha1, block, (size_t)got);
        else
            crypto_hash_sha256_update(&hash->sha256, block, (size_t)got);
        at += got;
    }
    return true;
}

bool digest_check(int fd, off_t length, const struct digest *digest, bool *same)
{
    struct hash hash;
    unsigned char bytes[DIGEST_SIZE_MAX] = {0};
    SHA1Init(&hash.sha1);
    crypto_hash_sha256_init(&hash.sha256);
    if (!hash_file(fd, length, digest->kind, &hash))
        return false;
    if (digest->kind == DIGEST_SHA1)
        SHA1Final(bytes, &hash.sha1);
    else
        crypto_hash_sha256_final(&hash.sha256, bytes);
    *same = memcmp(bytes, digest->bytes, size_of(digest->kind)) == 0;
    return true;
}
