/* The files that videos were found to have in the last minute, for when the database is down, and so that it need not
 * be asked a thousand times a second for the same video.
 *
 * A table on tmpfs that the workers of /stream share, so that what one of them knows all do. A video that is
 * deleted is forgotten before the client is told, by whichever program deletes it. There are no locks: a
 * process may be stopped or die at any moment, and another then finds nothing or what was there before. */
#ifndef RECENT_H
#define RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "config.h"
#include "media.h"

enum { RECENT_US = 60 * 1000 * 1000, RECENT_TYPE_SIZE = 24 };

struct recent;

struct recent_file {
    char key[MEDIA_KEY_SIZE];
    char content_type[RECENT_TYPE_SIZE];
    int64_t size; /* bytes */
};

/* Maps the table in the run folder; makes it when it is missing or of another layout. NULL is logged. */
struct recent *recent_open(const struct config *config);
void recent_close(struct recent *recent);

/* Notes the file of a video, of so many bytes. asked_us is the time (of clock_us) before the database was asked. */
void recent_remember(struct recent *recent, int64_t video_id, const char *key, const char *content_type,
                     int64_t size, int64_t asked_us);

/* True when the video was known in the last minute and has not been forgotten since. */
WARN_UNUSED bool recent_find(const struct recent *recent, int64_t video_id, struct recent_file *file);

/* True when that was in the last second: as good as the database's answer. What the programs of this site do to the video
 * counts at once, since they have it forgotten; what somebody does to the database by hand counts a second later. */
WARN_UNUSED bool recent_find_fresh(const struct recent *recent, int64_t video_id, struct recent_file *file);

/* From now on the video isn't found, unless the database is asked again. */
void recent_forget(struct recent *recent, int64_t video_id);

/* The same, for a program that has not opened the table; without one there is nothing to forget. */
void recent_forget_of(const struct config *config, int64_t video_id);

#endif
