/* A cache of small files, shared by the threads of a worker process: opening, reading and
 * closing a file takes longer than sending it.
 *
 * Files are written once, under unique keys, so an entry never becomes stale. The caller
 * checks whether the client may have the file. A change made by hand on disk takes effect
 * when the file's entry has been evicted or the pool restarted. */
#ifndef FCGI_STREAM_DELIVERY_SMALL_FILES_H
#define FCGI_STREAM_DELIVERY_SMALL_FILES_H

#include "lib/media/media.h"

/* What nginx buffers in memory (fastcgi_buffers). */
enum { SMALL_FILE_MAX = 64 * 1024 };

struct small_files;

/* At most 64 files of SMALL_FILE_MAX bytes each; the oldest is replaced. Returns NULL
 * when memory runs out. */
struct small_files *small_files_create(void);
void small_files_destroy(struct small_files *files);

/* As media_read, through the cache, for a length of at most SMALL_FILE_MAX. */
WARN_UNUSED bool small_files_read(struct small_files *files, const struct media *media, const char *key,
                                  size_t length, struct buffer *out, time_t *modified);

#endif
