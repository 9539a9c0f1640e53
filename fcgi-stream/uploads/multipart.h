/* multipart/form-data (RFC 7578) in a file: where the field `file` begins and how long it is. */
#ifndef FCGI_STREAM_UPLOADS_MULTIPART_H
#define FCGI_STREAM_UPLOADS_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/compiler.h"
#include "lib/media/media_writer.h"

enum { MULTIPART_BOUNDARY_SIZE = 71 }; /* RFC 2046, section 5.1.1: up to 70 characters */

/* True when the content type is multipart/form-data. boundary is "" when it names none that is valid. */
WARN_UNUSED bool multipart_type(const char *content_type, char boundary[MULTIPART_BOUNDARY_SIZE]);

enum multipart_outcome {
    MULTIPART_FOUND,
    MULTIPART_NO_FILE,    /* well-formed, but there is no such field */
    MULTIPART_MALFORMED,  /* not what the boundary promises, or cut off */
    MULTIPART_UNREADABLE, /* the file can't be read; errno says why */
    MULTIPART_UNWRITABLE, /* the copy can't be written; errno says why */
};

/* Looks for the part in the first size bytes of the file; its content begins at *start. More bytes behind them make no
 * difference once it is found. */
WARN_UNUSED enum multipart_outcome multipart_find_start(int fd, off_t size, const char *boundary,
                                                        off_t *start);

/* Copies the part that begins at start, of which to->end bytes have been copied, to its end or, when it is cut off, as far
 * as it goes on for sure. */
WARN_UNUSED enum multipart_outcome multipart_copy(int fd, off_t size, const char *boundary, off_t start,
                                                  struct media_writer *to);

#endif
