#include "sha1.h"

#include <sodium.h>
#include <string.h>

#include "bytes.h"
#include "tap.h"

static const char *hash_of(const char *bytes, size_t length, size_t step)
{
    static char text[2 * SHA1_SIZE + 1];
    unsigned char hash[SHA1_SIZE];
    struct sha1 sha1;
    sha1_begin(&sha1);
    for (size_t at = 0; at < length; at += step)
        sha1_add(&sha1, bytes + at, length - at < step ? length - at : step);
    sha1_end(&sha1, hash);
    return sodium_bin2hex(text, sizeof text, hash, sizeof hash);
}

int main(void)
{
    static const struct {
        const char *text, *hash;
    } rows[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"0123456701234567012345670123456701234567012345670123456701234567",
         "e0c094e867ef46c350ef54a7f59dd60bed92ae83"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_text(hash_of(rows[i].text, strlen(rows[i].text), 64), rows[i].hash, "SHA-1 of \"%s\"",
                rows[i].text);
    const char *million = bytes_repeat('a', 1000000);
    static const size_t steps[] = {1, 7, 63, 64, 65, 4096, 1000000};
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        is_text(hash_of(million, 1000000, steps[i]), "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
                "of a million letters, %zu at a time", steps[i]);
    return done_testing();
}
