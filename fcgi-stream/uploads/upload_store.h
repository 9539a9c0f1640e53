/* Uploads in the database: what is set aside for them, and what becomes of them. */
#ifndef FCGI_STREAM_UPLOADS_UPLOAD_STORE_H
#define FCGI_STREAM_UPLOADS_UPLOAD_STORE_H

#include "lib/base/config.h"
#include "lib/db/store.h"

/* A film in a form is on the disk twice until it is published. */
enum upload_kind { UPLOAD_RAW, UPLOAD_FORM, UPLOAD_POSTER };

/* An upload that asks to be let in. */
struct upload_claim {
    const char *id; /* a UUID; the key of the file that it will be */
    int64_t video_id, user_id;
    int64_t bytes;
    enum upload_kind kind;
    int64_t room; /* bytes that may still be written to the disk */
};

enum upload_room {
    UPLOAD_ROOM,
    UPLOAD_OVER_BYTES,
    UPLOAD_OVER_VIDEOS,
    UPLOAD_DISK_FULL,
    UPLOAD_OVER_UPLOADS
};

/* Sets the bytes aside unless *room says what is in the way. STORE_MISSING when there is no such video. */
enum store_outcome upload_store_reserve(struct db *db, const struct config *config,
                                        const struct upload_claim *claim, enum upload_room *room);

/* Gives back what was set aside for an upload that isn't resumable. */
enum store_outcome upload_store_cancel(struct db *db, const char *id);

/* The same when its file has its final name: that is queued for deletion. */
enum store_outcome upload_store_abandon(struct db *db, const char *id);

/* A resumable upload. Texts live as long as the request. */
struct upload_row {
    int64_t video_id, user_id;
    int64_t length;
    const char *metadata;
    int64_t expires_us; /* since 1970 */
    bool finished;
};

/* Makes an upload resumable. STORE_MISSING when nothing was set aside for it. */
enum store_outcome upload_store_begin(struct db *db, const struct config *config, const char *id,
                                      const char *metadata);

/* STORE_MISSING when there is none, or it has expired. */
enum store_outcome upload_store_get(struct db *db, const char *id, struct upload_row *row);

/* Notes how many bytes have been received and puts off when it expires. */
enum store_outcome upload_store_touch(struct db *db, const struct config *config, const char *id,
                                      int64_t received, int64_t *expires_us);

/* Deletes it, and queues its file for deletion unless it has finished. */
enum store_outcome upload_store_delete(struct db *db, const char *id);

/* The ids of all uploads that aren't resumable, as text. */
enum store_outcome upload_store_direct(struct db *db, struct db_rows *rows);

#endif
