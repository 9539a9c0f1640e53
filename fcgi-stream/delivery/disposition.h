/* The file name under which a browser saves a video (RFC 6266). */
#ifndef FCGI_STREAM_DELIVERY_DISPOSITION_H
#define FCGI_STREAM_DELIVERY_DISPOSITION_H

#include <stdint.h>

#include "lib/base/buffer.h"

/* Writes the header Content-Disposition with its line end. The name is made from the
 * title, UTF-8 or NULL, with every character replaced that a file system or a reader
 * could misinterpret, and the extension of the content type. Without a title it is made
 * from the id. */
void disposition_write(struct buffer *out, const char *title, const char *content_type, int64_t video_id);

#endif
