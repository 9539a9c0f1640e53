/* What kind of picture a file is, by its first bytes, whatever it is called. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stddef.h>

enum { PICTURE_HEAD_BYTES = 16 };

/* The media type of a file of size bytes that begins with these (as many of PICTURE_HEAD_BYTES as it has):
 * "image/jpeg", "image/webp" (RFC 9649: the size of the RIFF chunk is the file's), or NULL. */
const char *picture_type(const unsigned char *head, size_t length, long long size);

#endif
