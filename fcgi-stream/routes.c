/* Delivery and uploads on one page. */
#include "stream.h"

static const struct route routes[] = {
    {METHOD_GET, "/stream/videos/:vid", stream_video},
    {METHOD_GATE, "/stream/videos/:vid", upload_gate, .session = true},
    {METHOD_POST, "/stream/videos/:vid", upload_video, .session = true},
};

const struct route_table stream_routes = {routes, COUNT_OF(routes)};
