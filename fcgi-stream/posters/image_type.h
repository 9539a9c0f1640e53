/* What kind of picture a file is, by its first bytes, whatever it is called. */
#ifndef FCGI_STREAM_POSTERS_IMAGE_TYPE_H
#define FCGI_STREAM_POSTERS_IMAGE_TYPE_H

#include <stddef.h>

enum { IMAGE_TYPE_HEAD_BYTES = 16 };

/* The media type of a file of size bytes that begins with these (as many of IMAGE_TYPE_HEAD_BYTES as it has):
 * "image/jpeg", "image/webp" (RFC 9649: the size of the RIFF chunk is the file's), or NULL. */
const char *image_type_detect(const unsigned char *head, size_t length, long long size);

#endif
