#include "fcgi-stream/routes.h"

#include "fcgi-stream/delivery/stream_video.h"
#include "fcgi-stream/posters/poster.h"
#include "fcgi-stream/uploads/gate.h"
#include "fcgi-stream/uploads/tus.h"
#include "fcgi-stream/uploads/upload.h"

static const struct route routes[] = {
    {METHOD_GET, "/stream/videos/:vid", stream_video},
    {METHOD_GATE, "/stream/videos/:vid", upload_gate, .session = true},
    {METHOD_POST, "/stream/videos/:vid", upload_video, .session = true},
    {METHOD_OPTIONS, "/stream/videos/:vid", tus_options},
    {METHOD_GET, "/stream/videos/:vid/poster", poster_get},
    {METHOD_GATE, "/stream/videos/:vid/poster", poster_gate, .session = true},
    {METHOD_PUT, "/stream/videos/:vid/poster", poster_put, .session = true},
    {METHOD_GATE, "/stream/uploads/:upload", tus_gate, .session = true},
    {METHOD_PATCH, "/stream/uploads/:upload", tus_append, .session = true},
    {METHOD_GET, "/stream/uploads/:upload", tus_show, .session = true},
    {METHOD_DELETE, "/stream/uploads/:upload", tus_terminate, .session = true},
    {METHOD_OPTIONS, "/stream/uploads/:upload", tus_options},
};

const struct route_table stream_routes = {routes, COUNT_OF(routes)};
