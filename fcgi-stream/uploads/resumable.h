/* A resumable upload as a request finds it: its row, its bytes, and what to do with both. */
#ifndef FCGI_STREAM_UPLOADS_RESUMABLE_H
#define FCGI_STREAM_UPLOADS_RESUMABLE_H

#include "fcgi-stream/uploads/incoming.h"
#include "fcgi-stream/uploads/upload_store.h"
#include "lib/http/response.h"
#include "lib/media/media_upload.h"

struct resumable {
    const char *id;
    struct upload_row row;
    struct media_upload *file; /* NULL: not open */
    int64_t offset;            /* how far it is, once resumable_open has been called */
};

/* 412 when the request is of another version of the protocol. */
enum status resumable_check_version(struct request *request);

/* Finds the upload that the path names: 404 when there is none (any more), 403 when it is another user's. */
enum status resumable_find(struct request *request, struct resumable *upload);

/* Opens the upload for this request alone and adds what has been kept of it. STATUS_CONFLICT while another request
 * has it open; then offset is how far it has come. One that has finished needn't and can't be opened. */
enum status resumable_open(struct request *request, struct resumable *upload);

/* Adds the body, which fits. */
enum status resumable_append(struct request *request, struct resumable *upload, const struct incoming *body);

/* Once all bytes are there, makes them the video's file: 415 when they are none, and the upload is gone. Until then
 * does nothing. Repeating it after any failure is right. */
enum status resumable_finish(struct request *request, struct resumable *upload);

/* Adds Upload-Offset and, while it can be gone on with, Upload-Expires. */
void resumable_headers(const struct resumable *upload, struct response *response);

#endif
