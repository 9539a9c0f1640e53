/* SHA-1 (RFC 3174), which clients of the tus protocol may name for their checksums. It protects against broken
 * connections, not against people. */
#ifndef SHA1_H
#define SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_SIZE = 20, SHA1_BLOCK_SIZE = 64 };

struct sha1 {
    uint32_t state[5];
    uint64_t length; /* bytes so far */
    unsigned char block[SHA1_BLOCK_SIZE];
};

void sha1_begin(struct sha1 *sha1);
void sha1_add(struct sha1 *sha1, const void *bytes, size_t length);
void sha1_end(struct sha1 *sha1, unsigned char hash[SHA1_SIZE]);

#endif
