/* The name under which a browser saves a video (RFC 6266). */
#ifndef FCGI_STREAM_DELIVERY_DISPOSITION_H
#define FCGI_STREAM_DELIVERY_DISPOSITION_H

#include <stdint.h>

#include "lib/base/buffer.h"

/* Writes the header Content-Disposition, with its line end. The name is made from the title, which is UTF-8 or
 * NULL, without anything that a file system or a shell might take for something else, and ends as the type
 * wants it; without a title it is made from the id. */
void disposition_write(struct buffer *out, const char *title, const char *content_type, int64_t video_id);

#endif
