/* /stream/videos/:vid/poster: a still image for a video. */
#ifndef FCGI_STREAM_POSTERS_POSTER_H
#define FCGI_STREAM_POSTERS_POSTER_H

#include "lib/http/request.h"
#include "lib/http/response.h"

enum status poster_get(struct request *request, struct response *response);
enum status poster_gate(struct request *request, struct response *response);
enum status poster_put(struct request *request, struct response *response);

#endif
