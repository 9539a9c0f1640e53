/* Uploads in the database: reservations and resumable uploads. */
#ifndef FCGI_STREAM_UPLOADS_UPLOAD_STORE_H
#define FCGI_STREAM_UPLOADS_UPLOAD_STORE_H

#include "lib/base/config.h"
#include "lib/db/store.h"

/* The video file of a form needs its space twice: in the body, and extracted from it. */
enum upload_kind { UPLOAD_RAW, UPLOAD_FORM, UPLOAD_POSTER };

/* What an upload asks to reserve. */
struct upload_demand {
    const char *id; /* a UUID, which becomes the key of the published file */
    int64_t video_id, user_id;
    int64_t bytes;
    enum upload_kind kind;
    int64_t disk_bytes; /* free bytes beyond VS_DISK_HEADROOM_BYTES */
};

/* The values that upload_reserve() of the database returns. */
enum upload_admission {
    UPLOAD_ADMITTED,
    UPLOAD_OVER_BYTES,
    UPLOAD_OVER_VIDEOS,
    UPLOAD_DISK_FULL,
    UPLOAD_OVER_UPLOADS
};

/* Sets *admission, and reserves the bytes when it is UPLOAD_ADMITTED. Returns
 * STORE_MISSING when there is no such video. */
enum store_outcome upload_store_reserve(struct db *db, const struct config *config,
                                        const struct upload_demand *demand, enum upload_admission *admission);

/* Deletes the reservation of an upload that is not resumable. */
enum store_outcome upload_store_cancel(struct db *db, const char *id);

/* The same for one whose file already has its final name; queues that for deletion. */
enum store_outcome upload_store_abandon(struct db *db, const char *id);

/* A resumable upload. Texts live as long as the request. */
struct upload_row {
    int64_t video_id, user_id;
    int64_t length;
    const char *metadata;
    int64_t expires_us; /* since 1970 */
    bool finished;
};

/* Makes an upload resumable. Returns STORE_MISSING when it has no reservation. */
enum store_outcome upload_store_begin(struct db *db, const struct config *config, const char *id,
                                      const char *metadata);

/* Reads a resumable upload. Returns STORE_MISSING when there is none or it has
 * expired. */
enum store_outcome upload_store_get(struct db *db, const char *id, struct upload_row *row);

/* Updates the number of bytes received and postpones the expiry. */
enum store_outcome upload_store_touch(struct db *db, const struct config *config, const char *id,
                                      int64_t received, int64_t *expires_us);

/* Deletes an upload. The database queues the file of an unfinished one for deletion. */
enum store_outcome upload_store_delete(struct db *db, const char *id);

/* Lists the ids of all uploads that are not resumable, as text. */
enum store_outcome upload_store_list_direct(struct db *db, struct db_rows *rows);

#endif
