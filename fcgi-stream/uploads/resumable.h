/* A resumable upload within a request: its row and its file. */
#ifndef FCGI_STREAM_UPLOADS_RESUMABLE_H
#define FCGI_STREAM_UPLOADS_RESUMABLE_H

#include "fcgi-stream/uploads/incoming.h"
#include "fcgi-stream/uploads/upload_store.h"
#include "lib/http/response.h"
#include "lib/media/media_upload.h"

/* Lives as long as the request; the file is closed, and its lock released, at its end. */
struct resumable {
    const char *id;
    struct upload_row row;
    struct media_upload *file; /* NULL: not open */
    int64_t offset;            /* bytes received so far; valid after resumable_open */
};

/* Returns 412 when Tus-Resumable is missing or names another version. */
enum status resumable_check_version(struct request *request);

/* Finds the upload that the path names and fills in upload. Returns 404 when there is
 * none (any more), 403 when it belongs to another user, 412 as
 * resumable_check_version. */
enum status resumable_find(struct request *request, struct resumable *upload);

/* Opens and locks the upload and appends its saved chunks. Returns 409 while another
 * request has it open; offset is then the current one. A finished upload is not opened;
 * its offset is its length. */
enum status resumable_open(struct request *request, struct resumable *upload);

/* Appends the body, which must fit. The chunk is durable when this returns
 * STATUS_ANSWERED. */
enum status resumable_append(struct request *request, struct resumable *upload, const struct incoming *body);

/* Publishes the upload once all bytes are there; does nothing before that. Returns 415,
 * with the upload deleted, when the file is not a video. Idempotent: after any other
 * failure it can be called again. */
enum status resumable_finish(struct request *request, struct resumable *upload);

/* Adds Upload-Offset and, while the upload is unfinished, Upload-Expires. */
void resumable_headers(const struct resumable *upload, struct response *response);

#endif
