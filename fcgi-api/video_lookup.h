/* Reads videos by id. Concurrent reads of a process are coalesced into one query. */
#ifndef FCGI_API_VIDEO_LOOKUP_H
#define FCGI_API_VIDEO_LOOKUP_H

#include "fcgi-api/video_store.h"
#include "lib/base/coalescer.h"
#include "lib/http/request.h"

/* The kind of the coalescer api_context.lookups. */
extern const struct coalescer_kind video_lookup_kind;

/* The video's texts live as long as the request's arena. STORE_MISSING: no such video. */
enum store_outcome video_lookup(const struct request *request, int64_t id, struct video *video);

#endif
