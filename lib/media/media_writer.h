/* Writes a file of the media from the front, much at a time. While more is written, the disk begins with what there is:
 * who makes the whole durable in the end has less to wait for. */
#ifndef LIB_MEDIA_MEDIA_WRITER_H
#define LIB_MEDIA_MEDIA_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/compiler.h"

struct media_writer {
    int fd;
    off_t end;   /* where the next bytes go */
    off_t begun; /* the disk has begun with all before it */
};

/* Writes all of the bytes. False with errno set; those before writer->end are there. */
WARN_UNUSED bool media_write(struct media_writer *writer, const char *bytes, size_t length);

/* Has the disk begin with the last of it, too. */
void media_write_back(struct media_writer *writer);

#endif
