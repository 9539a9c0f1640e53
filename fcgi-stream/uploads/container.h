/* Detects a video's container format from the content of the file.
 *
 * The bytes come from outside: no size in them is trusted, and the number of bytes read
 * is bounded. */
#ifndef FCGI_STREAM_UPLOADS_CONTAINER_H
#define FCGI_STREAM_UPLOADS_CONTAINER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/compiler.h"

/* Sets *type to the media type of the file, which has size bytes. "video/mp4" (ISO/IEC
 * 14496-12): begins with an ftyp box and has a moov box, and the box sizes add up to the
 * file's size. "video/webm" (RFC 8794): begins with a complete EBML header whose DocType
 * is webm. NULL: neither. Returns false with errno set when the file can't be read. */
WARN_UNUSED bool container_type(int fd, off_t size, const char **type);

/* True when a file with these first bytes may be a video. */
enum { CONTAINER_HEAD = 16 };
WARN_UNUSED bool container_begins(const unsigned char head[CONTAINER_HEAD]);

#endif
