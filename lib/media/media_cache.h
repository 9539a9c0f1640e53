/* The files that videos were found to have in the last minute, for when the database is down, and so that it need not
 * be asked a thousand times a second for the same video.
 *
 * A table on tmpfs that the workers of /stream share, so that what one of them knows all do. A video that is
 * deleted is forgotten before the client is told, by whichever program deletes it. There are no locks: a
 * process may be stopped or die at any moment, and another then finds nothing or what was there before. */
#ifndef LIB_MEDIA_MEDIA_CACHE_H
#define LIB_MEDIA_MEDIA_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/compiler.h"
#include "lib/base/config.h"
#include "lib/media/media.h"

enum { MEDIA_CACHE_TTL_US = 60 * 1000 * 1000, MEDIA_CACHE_TYPE_SIZE = 24 };

struct media_cache;

struct media_cache_entry {
    char key[MEDIA_KEY_SIZE];
    char content_type[MEDIA_CACHE_TYPE_SIZE];
    int64_t size; /* bytes */
};

/* Maps the table in the run folder; makes it when it is missing or of another layout. NULL is logged. */
struct media_cache *media_cache_open(const struct config *config);
void media_cache_close(struct media_cache *cache);

/* Notes the file of a video, of so many bytes. asked_us is the time (of clock_us) before the database was asked. */
void media_cache_put(struct media_cache *cache, int64_t video_id, const char *key, const char *content_type,
                     int64_t size, int64_t asked_us);

/* True when the video was known in the last minute and has not been forgotten since. */
WARN_UNUSED bool media_cache_find(const struct media_cache *cache, int64_t video_id,
                                  struct media_cache_entry *file);

/* True when that was in the last second: as good as the database's answer. What the programs of this site do to the video
 * counts at once, since they have it forgotten; what somebody does to the database by hand counts a second later. */
WARN_UNUSED bool media_cache_find_fresh(const struct media_cache *cache, int64_t video_id,
                                        struct media_cache_entry *file);

/* From now on the video isn't found, unless the database is asked again. */
void media_cache_remove(struct media_cache *cache, int64_t video_id);

/* The same, for a program that has not opened the table; without one there is nothing to forget. */
void media_cache_remove_in(const struct config *config, int64_t video_id);

#endif
