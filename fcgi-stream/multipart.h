/* multipart/form-data (RFC 7578) in a file: where the field `file` begins and how long it is. */
#ifndef MULTIPART_H
#define MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "compiler.h"

enum { MULTIPART_BOUNDARY_SIZE = 71 }; /* RFC 2046, section 5.1.1: up to 70 characters */

/* True when the content type is multipart/form-data. boundary is "" when it names none that is valid. */
WARN_UNUSED bool multipart_type(const char *content_type, char boundary[MULTIPART_BOUNDARY_SIZE]);

enum multipart_outcome {
    MULTIPART_FOUND,
    MULTIPART_NO_FILE,    /* well-formed, but there is no such field */
    MULTIPART_MALFORMED,  /* not what the boundary promises, or cut off */
    MULTIPART_UNREADABLE, /* the file can't be read; errno says why */
};

/* Looks for the part in size bytes of the file. The part lies from *start on and has *length bytes. */
enum multipart_outcome multipart_find_file(int fd, off_t size, const char *boundary, off_t *start,
                                           off_t *length);

#endif
