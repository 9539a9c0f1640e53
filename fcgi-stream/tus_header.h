/* What the headers of tus 1.0 (https://tus.io/protocols/resumable-upload) may be.
 *
 * Texts come from outside. Nothing here allocates or logs, so all of it can be fuzzed as it stands. */
#ifndef TUS_HEADER_H
#define TUS_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "param.h"

#define TUS_VERSION    "1.0.0"
#define TUS_EXTENSIONS "creation,creation-with-upload,expiration,checksum,termination"
#define TUS_CHECKSUMS  "sha1,sha256"
#define TUS_PIECE_TYPE "application/offset+octet-stream"

/* It goes back with other headers, which together have to fit into what nginx takes (fastcgi_buffer_size, 4 KiB). */
enum { TUS_METADATA_MAX = 3 * 1024, TUS_PIECE_SIZE = PARAM_UUID_SIZE + 20 };

/* True when the text is a valid Upload-Metadata: keys, each with or without a blank and base64 behind it. What
 * the values mean is nobody's business but the client's. */
WARN_UNUSED bool tus_metadata(const char *text);

/* Reads the name by which nginx knows a piece of an upload: its id, a point, the offset that it begins at. */
WARN_UNUSED bool tus_piece(const char *text, char id[PARAM_UUID_SIZE], int64_t *offset);

#endif
