/* What is set aside for an upload before its body comes: a token, and bytes of the user's quota and of the disk.
 *
 * The token comes back when nginx is done with the request. The bytes are the video's when it is published, and
 * an upload that comes to nothing gives them back; should it die before it can, they count as free as soon as
 * its token is back. */
#ifndef RESERVATION_H
#define RESERVATION_H

#include "stream.h"
#include "upload_store.h"

/* The id of the upload that a request makes: its own, as a UUID. False when nginx gave it none. */
WARN_UNUSED bool reservation_id(const struct request *request, char id[PARAM_UUID_SIZE]);

/* STATUS_ANSWERED when all that the upload needs is set aside; else nothing is: 404, 429, 507. */
enum status reservation_make(struct request *request, enum upload_kind kind, int64_t bytes);

/* Gives the bytes back. */
void reservation_cancel(struct request *request, const char *id);

#endif
