/* What is set aside for an upload before its body comes: a token, and bytes of the user's quota and of the disk.
 *
 * The token comes back when nginx is done with the request. The bytes are the video's when it is published, and an
 * upload that comes to nothing gives them back. Where its client vanished, or its worker died, they are taken back
 * once its token is back: by the bookkeeper in a moment, or before that by whoever needs the room. */
#ifndef FCGI_STREAM_UPLOADS_RESERVATION_H
#define FCGI_STREAM_UPLOADS_RESERVATION_H

#include "fcgi-stream/context.h"
#include "fcgi-stream/uploads/upload_store.h"
#include "lib/http/request.h"

struct stream_context;

/* The id of the upload that a request makes: its own, as a UUID. False when nginx gave it none. */
WARN_UNUSED bool reservation_id(const struct request *request, char id[PARAM_UUID_SIZE]);

/* STATUS_ANSWERED when all that the upload needs is set aside; else nothing is: 404, 429, 507. */
enum status reservation_make(struct request *request, enum upload_kind kind, int64_t bytes);

/* Takes back what was set aside for uploads whose requests are over, not for resumable ones. *count is how many. */
enum store_outcome reservation_reclaim(struct db *db, const struct stream_context *context, int *count);

/* Gives the bytes back. */
void reservation_cancel(struct request *request, const char *id);

#endif
