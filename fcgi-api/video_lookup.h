/* Videos by their ids, those that several threads look for at the same time by one query. */
#ifndef VIDEO_LOOKUP_H
#define VIDEO_LOOKUP_H

#include "batch.h"
#include "request.h"
#include "video_store.h"

/* Of struct api_context's batch. */
extern const struct batch_kind video_lookups;

/* Texts live as long as the request. */
enum store_outcome video_lookup(const struct request *request, int64_t id, struct video *video);

#endif
