/* Sequential writer that starts write-back early, so that the final fsync is short. */
#ifndef LIB_MEDIA_MEDIA_WRITER_H
#define LIB_MEDIA_MEDIA_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/compiler.h"

struct media_writer {
    int fd;
    off_t end;          /* offset of the next write */
    off_t written_back; /* write-back has been started for the bytes before this offset */
};

/* Writes all bytes at writer->end and advances it. Returns false with errno set; the
 * bytes before writer->end have been written. */
WARN_UNUSED bool media_write(struct media_writer *writer, const char *bytes, size_t length);

/* Starts write-back of the bytes after writer->written_back. Call it after the last
 * media_write. */
void media_write_back(struct media_writer *writer);

#endif
