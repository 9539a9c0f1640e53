/* What the headers of tus 1.0 (https://tus.io/protocols/resumable-upload) may be.
 *
 * Texts come from outside. Nothing here allocates or logs, so all of it can be fuzzed as it stands. */
#ifndef FCGI_STREAM_UPLOADS_TUS_HEADER_H
#define FCGI_STREAM_UPLOADS_TUS_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"

#define TUS_VERSION    "1.0.0"
#define TUS_EXTENSIONS "creation,creation-with-upload,expiration,checksum,termination"
#define TUS_CHECKSUMS  "sha1,sha256"
#define TUS_CHUNK_TYPE "application/offset+octet-stream"

/* It goes back with other headers, which together have to fit into what nginx takes (fastcgi_buffer_size, 4 KiB). */
enum { TUS_METADATA_MAX = 3 * 1024 };

/* True when the text is a valid Upload-Metadata: keys, each with or without a blank and base64 behind it. What
 * the values mean is nobody's business but the client's. */
WARN_UNUSED bool tus_metadata(const char *text);

#endif
