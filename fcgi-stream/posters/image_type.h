/* Detects the type of an image from its first bytes. */
#ifndef FCGI_STREAM_POSTERS_IMAGE_TYPE_H
#define FCGI_STREAM_POSTERS_IMAGE_TYPE_H

#include <stddef.h>

enum { IMAGE_TYPE_HEAD_BYTES = 16 };

/* The media type of a file of size bytes. head has its first length bytes, which are
 * IMAGE_TYPE_HEAD_BYTES or, in a shorter file, all. Returns "image/jpeg", "image/webp"
 * (RFC 9649: the size of the RIFF chunk matches the file's), or NULL. */
const char *image_type_detect(const unsigned char *head, size_t length, long long size);

#endif
