/* The small files that a worker process has sent lately, in memory, for all of its threads: to open, read and close one
 * takes longer than to send it. Each was written once, under a key that no other file gets, so what was read of it is right for
 * whoever may have the file of that key; whether anybody may is not asked here. What somebody does to a file on the disk by
 * hand shows when others have taken its place, or the pool is started again. */
#ifndef FCGI_STREAM_DELIVERY_SMALL_FILES_H
#define FCGI_STREAM_DELIVERY_SMALL_FILES_H

#include "lib/media/media.h"

/* As much as nginx has room for in memory (fastcgi_buffers). */
enum { SMALL_FILE_MAX = 64 * 1024 };

struct small_files;

/* NULL without memory. They take SMALL_FILE_MAX bytes each, and are 64 at most; the oldest makes room. */
struct small_files *small_files_create(void);
void small_files_destroy(struct small_files *files);

/* As media_read, for a length of at most SMALL_FILE_MAX. */
WARN_UNUSED bool small_files_read(struct small_files *files, const struct media *media, const char *key,
                                  size_t length, struct buffer *out, time_t *modified);

#endif
