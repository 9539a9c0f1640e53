/* A cache of the files of recently played videos. It saves a query per request for the
 * same video, and keeps videos playable for a minute when the database is down.
 *
 * The cache is a table on tmpfs that all workers of /stream share. Whichever program
 * deletes a video removes its entry before it responds to the client. There are no locks:
 * a process may be stopped or die at any moment, and the others then find either the
 * previous entry or none. */
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

/* Maps the table in the run folder; creates it when it is missing or has another layout.
 * Returns NULL after logging the reason. The caller closes it with media_cache_close. */
struct media_cache *media_cache_open(const struct config *config);
void media_cache_close(struct media_cache *cache);

/* Stores the file of a video. size is in bytes; queried_us is the time by clock_us just
 * before the database query. */
void media_cache_put(struct media_cache *cache, int64_t video_id, const char *key, const char *content_type,
                     int64_t size, int64_t queried_us);

/* Sets *file and returns true when the video was queried in the last minute and not
 * removed since. */
WARN_UNUSED bool media_cache_find(const struct media_cache *cache, int64_t video_id,
                                  struct media_cache_entry *file);

/* The same for the last second, which is as good as a query: the programs of this site
 * remove the entry when they delete a video or give it another file. A manual change in
 * the database takes effect after a second. */
WARN_UNUSED bool media_cache_find_fresh(const struct media_cache *cache, int64_t video_id,
                                        struct media_cache_entry *file);

/* Removes a video. A query that started before this call can't bring it back. */
void media_cache_remove(struct media_cache *cache, int64_t video_id);

/* The same for a program that has not opened the table. Does nothing when there is no
 * table. */
void media_cache_remove_in(const struct config *config, int64_t video_id);

#endif
