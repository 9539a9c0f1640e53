/* /stream/videos/:vid/poster: the poster of a video, a JPEG or WebP image of at most
 * 512 KiB. Reading it takes no token; uploading it does. */
#ifndef FCGI_STREAM_POSTERS_POSTER_H
#define FCGI_STREAM_POSTERS_POSTER_H

#include "lib/http/request.h"
#include "lib/http/response.h"

/* 200 with the image; 404 when there is none. */
enum status poster_get(struct request *request, struct response *response);

/* 204 when nginx may read the body of a PUT; 400, 403, 404, 413, 429, 507. */
enum status poster_gate(struct request *request, struct response *response);

/* 201; 404 when the video is gone by now; 400, 413 and 415 when the body is not an
 * acceptable image. */
enum status poster_put(struct request *request, struct response *response);

#endif
