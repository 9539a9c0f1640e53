/* The header values of tus 1.0 (https://tus.io/protocols/resumable-upload).
 *
 * The texts come from outside. Nothing here allocates or logs, so it can be fuzzed as it
 * is. */
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

/* Upload-Metadata is returned to the client with other headers, which together must fit
 * into nginx's buffer (fastcgi_buffer_size, 4 KiB). */
enum { TUS_METADATA_MAX = 3 * 1024 };

/* True when the text is a valid Upload-Metadata, or empty: comma-separated keys, each
 * optionally followed by a space and a base64 value. The values are not interpreted. */
WARN_UNUSED bool tus_metadata_is_valid(const char *text);

#endif
