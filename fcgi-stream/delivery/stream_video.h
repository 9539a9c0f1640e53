/* GET /stream/videos/:vid: watch a video, or download it with ?download=1. */
#ifndef FCGI_STREAM_DELIVERY_STREAM_VIDEO_H
#define FCGI_STREAM_DELIVERY_STREAM_VIDEO_H

#include "lib/http/request.h"
#include "lib/http/response.h"

/* 200 with the file, or the range that the client asked for; 404 when there is no such
 * video or it has no file yet; 429 when no token is free. */
enum status stream_video(struct request *request, struct response *response);

#endif
