/* Reserves what an upload needs before nginx reads its body: a token, and bytes of the
 * user's quota and of the disk.
 *
 * The token is released when nginx has finished the request. The reserved bytes pass
 * to the video when the upload is published, and are freed when it fails. When the
 * client vanishes or the worker dies, they are reclaimed after the token is free
 * again: by the accounting process within a second or so, or earlier by a request that
 * needs the space. */
#ifndef FCGI_STREAM_UPLOADS_RESERVATION_H
#define FCGI_STREAM_UPLOADS_RESERVATION_H

#include "fcgi-stream/context.h"
#include "fcgi-stream/uploads/upload_store.h"
#include "lib/http/request.h"

struct stream_context;

/* Writes the id of the upload that the request makes: the request id, as a UUID. Returns
 * false when nginx gave no valid one. */
WARN_UNUSED bool reservation_id(const struct request *request, char id[PARAM_UUID_SIZE]);

/* Reserves token and bytes: STATUS_ANSWERED. Otherwise reserves nothing: 404 when the
 * video is gone, 429, 507, or another failure. */
enum status reservation_make(struct request *request, enum upload_kind kind, int64_t bytes);

/* Reclaims the reservations whose requests have ended; resumable uploads are skipped.
 * *count is how many there were. */
enum store_outcome reservation_reclaim(struct db *db, const struct stream_context *context, int *count);

/* Frees the reserved bytes of a failed upload. A failure is logged only. */
void reservation_cancel(struct request *request, const char *id);

#endif
