/* Videos by their ids, those that several threads look for at the same time by one query. */
#ifndef FCGI_API_VIDEO_LOOKUP_H
#define FCGI_API_VIDEO_LOOKUP_H

#include "fcgi-api/video_store.h"
#include "lib/base/coalescer.h"
#include "lib/http/request.h"

/* Of struct api_context's batch. */
extern const struct coalescer_kind video_lookups;

/* Texts live as long as the request. */
enum store_outcome video_lookup(const struct request *request, int64_t id, struct video *video);

#endif
