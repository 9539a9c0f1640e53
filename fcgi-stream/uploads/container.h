/* What kind of video a file is, by its content, whatever it is called.
 *
 * The bytes come from outside: no size that they state is trusted, and what is looked at is bounded. */
#ifndef FCGI_STREAM_UPLOADS_CONTAINER_H
#define FCGI_STREAM_UPLOADS_CONTAINER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/compiler.h"

/* Sets *type to the media type of the file, which has size bytes: "video/mp4" (ISO/IEC 14496-12: a box ftyp,
 * then others, among them moov, whose sizes add up to the file's), "video/webm" (RFC 8794: a whole EBML header
 * whose DocType is webm), or NULL. False when the file can't be read; errno says why. */
WARN_UNUSED bool container_type(int fd, off_t size, const char **type);

/* Whether a file that begins with these bytes may be one of them. */
enum { CONTAINER_HEAD = 16 };
WARN_UNUSED bool container_begins(const unsigned char head[CONTAINER_HEAD]);

#endif
