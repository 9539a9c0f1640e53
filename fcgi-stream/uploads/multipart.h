/* Finds and extracts the field `file` of a multipart/form-data body (RFC 7578) in a
 * file. */
#ifndef FCGI_STREAM_UPLOADS_MULTIPART_H
#define FCGI_STREAM_UPLOADS_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/compiler.h"
#include "lib/media/media_writer.h"

enum { MULTIPART_BOUNDARY_SIZE = 71 }; /* RFC 2046, section 5.1.1: up to 70 characters */

/* True when the content type is multipart/form-data. boundary is "" when it has no valid
 * one. */
WARN_UNUSED bool multipart_type(const char *content_type, char boundary[MULTIPART_BOUNDARY_SIZE]);

enum multipart_outcome {
    MULTIPART_FOUND,
    MULTIPART_NO_FILE,    /* well-formed, but without the field */
    MULTIPART_MALFORMED,  /* does not match the boundary, or is incomplete */
    MULTIPART_UNREADABLE, /* the body can't be read; errno says why */
    MULTIPART_UNWRITABLE, /* the copy can't be written; errno says why */
};

/* Searches the first size bytes of the body for the field and sets *start to the offset
 * of its content. */
WARN_UNUSED enum multipart_outcome multipart_find_start(int fd, off_t size, const char *boundary,
                                                        off_t *start);

/* Copies the field's content, which begins at start and of which to->end bytes have been
 * copied before, up to its end. In an incomplete body, copies the bytes that are
 * certainly content and returns MULTIPART_MALFORMED; the call can be repeated when more
 * has arrived. */
WARN_UNUSED enum multipart_outcome multipart_copy(int fd, off_t size, const char *boundary, off_t start,
                                                  struct media_writer *to);

#endif
