/* POST /stream/videos/:vid: an upload in one request, raw or as a form, or the creation
 * of a resumable upload (tus.h). */
#ifndef FCGI_STREAM_UPLOADS_UPLOAD_H
#define FCGI_STREAM_UPLOADS_UPLOAD_H

#include "lib/http/request.h"
#include "lib/http/response.h"

/* How many bytes a body may have beyond VS_MAX_UPLOAD_BYTES, for a form's headers; nginx
 * has the same limit (client_max_body_size). */
enum { UPLOAD_HEADERS_MAX = 64 * 1024 };

/* Returns 400 when Content-Digest or Repr-Digest is malformed, otherwise
 * STATUS_ANSWERED. */
enum status upload_check_digest_fields(struct request *request);

/* 201, also for the creation of a resumable upload; 403 and 404 as the gate, if the video
 * has changed since; 400, 413 and 415 when the body is not an acceptable video file. */
enum status upload_video(struct request *request, struct response *response);

#endif
