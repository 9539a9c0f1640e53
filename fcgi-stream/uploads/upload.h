/* POST /stream/videos/:vid: an upload in one request, raw or as a form; or the creation of a resumable
 * one (tus.h). */
#ifndef FCGI_STREAM_UPLOADS_UPLOAD_H
#define FCGI_STREAM_UPLOADS_UPLOAD_H

#include "lib/http/request.h"
#include "lib/http/response.h"

/* What a multipart body may have around its file, in bytes; nginx lets that much more through
 * (client_max_body_size). */
enum { UPLOAD_HEADERS_MAX = 64 * 1024 };

/* Refuses a request whose Content-Digest or Repr-Digest can't be parsed. */
enum status upload_check_digest_fields(struct request *request);

enum status upload_video(struct request *request, struct response *response);

#endif
