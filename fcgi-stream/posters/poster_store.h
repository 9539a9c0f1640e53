/* The posters of videos in the database. Texts live as long as the request. */
#ifndef FCGI_STREAM_POSTERS_POSTER_STORE_H
#define FCGI_STREAM_POSTERS_POSTER_STORE_H

#include "fcgi-stream/delivery/file_store.h"

/* STORE_MISSING when there is none. size is not filled in. */
enum store_outcome poster_store_get(struct db *db, int64_t video_id, struct video_file *file);

/* Makes it the video's poster; one that it replaces is queued for deletion. STORE_MISSING when there is no such
 * video of the user's, or nothing is set aside for the poster any more. */
file_store_put poster_store_put;

#endif
