/* The operations of tus 1.0 (https://tus.io/protocols/resumable-upload). */
#ifndef FCGI_STREAM_UPLOADS_TUS_H
#define FCGI_STREAM_UPLOADS_TUS_H

#include "lib/http/request.h"
#include "lib/http/response.h"

/* True when the request has Tus-Resumable. */
bool tus_is_requested(const struct request *request);

/* Validates the headers of a creation and sets *bytes to the upload's length. Returns
 * STATUS_ANSWERED, 400, 412, 413 or 415. */
enum status tus_check_creation(struct request *request, int64_t *bytes);

/* 201: makes the upload that the gate has reserved resumable, and appends the first chunk
 * when there is a body. */
enum status tus_create(struct request *request, struct response *response);

/* 204 with the new offset; 409 when the offset does not match or another request has the
 * upload open; 413 when the body is too long; 415 when the whole file is not a video; 460
 * when the body does not match its checksum. */
enum status tus_append(struct request *request, struct response *response);

/* 200 with the offset in the headers, for HEAD and GET. */
enum status tus_show(struct request *request, struct response *response);

/* 204: deletes the upload. A file that was published from it stays. */
enum status tus_terminate(struct request *request, struct response *response);

/* 204 with the supported version, extensions and algorithms. */
enum status tus_options(struct request *request, struct response *response);

/* The headers of a PATCH. */
struct tus_patch {
    int64_t offset;
    int64_t length; /* of the body, -1 when it is not declared */
    bool checksum;  /* has Upload-Checksum, so an incomplete body is useless */
};

/* Parses the headers of a PATCH. Returns STATUS_ANSWERED, 400 or 415. */
enum status tus_parse_patch(struct request *request, struct tus_patch *patch);

#endif
