#include "sha1.h"

#include <string.h>

static uint32_t rotate(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

/* Section 6.1. */
static void add_block(uint32_t state[5], const unsigned char *block)
{
    uint32_t words[80];
    for (size_t i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                   (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (size_t i = 16; i < 80; i++)
        words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                         : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                         : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                  : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t next = rotate(a, 5) + mixed + e + words[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void sha1_begin(struct sha1 *sha1)
{
    *sha1 = (struct sha1){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

void sha1_add(struct sha1 *sha1, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    while (length > 0) {
        size_t used = sha1->length % SHA1_BLOCK_SIZE, room = SHA1_BLOCK_SIZE - used;
        size_t taken = length < room ? length : room;
        memcpy(sha1->block + used, at, taken);
        sha1->length += taken;
        at += taken;
        length -= taken;
        if (taken == room)
            add_block(sha1->state, sha1->block);
    }
}

void sha1_end(struct sha1 *sha1, unsigned char hash[SHA1_SIZE])
{
    static const unsigned char padding[SHA1_BLOCK_SIZE] = {0x80};
    unsigned char bits[8];
    size_t used = sha1->length % SHA1_BLOCK_SIZE;
    for (int i = 0; i < 8; i++)
        bits[i] = (unsigned char)(sha1->length * 8 >> (56 - 8 * i));
    sha1_add(sha1, padding, (used < 56 ? 56 : 120) - used);
    sha1_add(sha1, bits, sizeof bits);
    for (size_t i = 0; i < SHA1_SIZE; i++)
        hash[i] = (unsigned char)(sha1->state[i / 4] >> (24 - 8 * (i % 4)));
}
