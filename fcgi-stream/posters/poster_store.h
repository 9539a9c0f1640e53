/* The posters of videos in the database. Texts live as long as the request. */
#ifndef FCGI_STREAM_POSTERS_POSTER_STORE_H
#define FCGI_STREAM_POSTERS_POSTER_STORE_H

#include "fcgi-stream/delivery/file_store.h"

/* Finds a video's poster. Returns STORE_MISSING when it has none. */
enum store_outcome poster_store_get(struct db *db, int64_t video_id, struct video_file *file);

/* Makes the file the video's poster; the database queues the one that it replaces for
 * deletion. Returns STORE_MISSING when the user has no such video or the reservation is
 * gone. */
file_store_put poster_store_put;

#endif
