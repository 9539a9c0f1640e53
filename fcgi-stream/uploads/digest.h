/* What a client says that the bytes of a body come to, and whether they do. */
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
    DIGEST_NONE,      /* none of a kind that is known */
    DIGEST_GIVEN,     /* *out is it */
    DIGEST_MALFORMED, /* not what the field may be */
};

/* Reads the value of Content-Digest or Repr-Digest (RFC 9530): of its members, sha-256. */
enum digest_field digest_parse_field(const char *text, struct digest *out);

/* Reads the value of tus's Upload-Checksum: sha1 or sha256, a blank, base64. */
enum digest_field digest_parse_checksum(const char *text, struct digest *out);

/* Sets *same to whether the file's first length bytes come to the digest. False when they can't be read; errno
 * says why. */
WARN_UNUSED bool digest_check(int fd, off_t length, const struct digest *digest, bool *same);

#endif
