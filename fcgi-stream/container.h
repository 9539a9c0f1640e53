/* What kind of video a file is, by its first bytes, whatever it is called. */
#ifndef CONTAINER_H
#define CONTAINER_H

#include <stddef.h>

enum { CONTAINER_HEAD_BYTES = 64 };

/* The media type of a file that begins with these bytes (as many of CONTAINER_HEAD_BYTES as it has):
 * "video/mp4" (ISO/IEC 14496-12: a box ftyp), "video/webm" (an EBML header whose DocType is webm), or NULL. */
const char *container_type(const unsigned char *head, size_t length);

#endif
