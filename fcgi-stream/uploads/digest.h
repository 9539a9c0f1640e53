/* Digests that a client declares for a body, and their verification. */
#ifndef FCGI_STREAM_UPLOADS_DIGEST_H
#define FCGI_STREAM_UPLOADS_DIGEST_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/compiler.h"

enum digest_kind { DIGEST_SHA1, DIGEST_SHA256 };

enum { DIGEST_SIZE_MAX = 32 };

struct digest {
    enum digest_kind kind;
    unsigned char bytes[DIGEST_SIZE_MAX];
};

enum digest_field {
    DIGEST_NONE,      /* no digest of a supported algorithm */
    DIGEST_GIVEN,     /* *out is set */
    DIGEST_MALFORMED, /* not a valid field value */
};

/* Parses Content-Digest or Repr-Digest (RFC 9530). Only its sha-256 is used. */
enum digest_field digest_parse_field(const char *text, struct digest *out);

/* Parses tus's Upload-Checksum: sha1 or sha256, a space, base64. */
enum digest_field digest_parse_checksum(const char *text, struct digest *out);

/* Sets *same to whether the digest is that of the file's first length bytes. Returns
 * false with errno set when they can't be read. */
WARN_UNUSED bool digest_check(int fd, off_t length, const struct digest *digest, bool *same);

#endif
