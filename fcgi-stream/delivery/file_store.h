/* The files of videos in the database. Texts live as long as the request. */
#ifndef FCGI_STREAM_DELIVERY_FILE_STORE_H
#define FCGI_STREAM_DELIVERY_FILE_STORE_H

#include "lib/db/store.h"

struct video_file {
    const char *key; /* see media.h */
    const char *content_type;
    int64_t size;      /* bytes */
    const char *title; /* of the video, or NULL */
};

/* STORE_MISSING when there is no such video, or no file of it yet. session is the hash of a session's token or NULL, *user_id
 * whose that is, 0 when it is nobody's. */
enum store_outcome file_store_get(struct db *db, int64_t video_id, const unsigned char *session,
                                  struct video_file *file, int64_t *user_id);

/* STORE_DONE when the video is the user's, else STORE_FORBIDDEN or STORE_MISSING. */
enum store_outcome file_store_check_author(struct db *db, int64_t video_id, int64_t user_id);

/* Makes a file one of a video, for an upload of the user's. *kept is false when it is sure that no row names it. */
typedef enum store_outcome file_store_put(struct db *db, int64_t video_id, int64_t user_id,
                                          const struct video_file *file, bool *kept);

/* What such a statement has for parameters. */
void file_store_bind(struct db_params *params, int64_t video_id, int64_t user_id,
                     const struct video_file *file);

/* Makes it the video's file; one that it replaces is queued for deletion. STORE_FORBIDDEN when the video is
 * another user's, STORE_MISSING when it or the upload is gone. */
file_store_put file_store_publish;

#endif
