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

/* Finds a video's file. session is the hash of a session's token or NULL; *user_id is the
 * user of that session, 0 when it is not valid. Returns STORE_MISSING when there is no
 * such video or it has no file yet. */
enum store_outcome file_store_get(struct db *db, int64_t video_id, const unsigned char *session,
                                  struct video_file *file, int64_t *user_id);

/* STORE_DONE when the user is the video's author, else STORE_FORBIDDEN or
 * STORE_MISSING. */
enum store_outcome file_store_check_author(struct db *db, int64_t video_id, int64_t user_id);

/* Makes the file of a user's upload a file of the video. *referenced is true when a row
 * names the file, or may name it because the outcome is unknown; the file must not be
 * deleted then. */
typedef enum store_outcome file_store_put(struct db *db, int64_t video_id, int64_t user_id,
                                          const struct video_file *file, bool *referenced);

/* Binds the parameters that the statements of all file_store_put functions share. */
void file_store_bind(struct db_params *params, int64_t video_id, int64_t user_id,
                     const struct video_file *file);

/* Makes the file the video's, and queues the one that it replaces for deletion. Returns
 * STORE_FORBIDDEN when the video is another user's, STORE_MISSING when the video or the
 * upload is gone. */
file_store_put file_store_publish;

#endif
