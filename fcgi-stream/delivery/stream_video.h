/* GET /stream/videos/:vid: watch a video, or download it with ?download=1. */
#ifndef FCGI_STREAM_DELIVERY_STREAM_VIDEO_H
#define FCGI_STREAM_DELIVERY_STREAM_VIDEO_H

#include "lib/http/request.h"
#include "lib/http/response.h"

enum status stream_video(struct request *request, struct response *response);

#endif
