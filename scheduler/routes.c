/* The scheduler's REST route. nginx admits only the loopback address. */
#include "lib/media/media_cache.h"
#include "scheduler/scheduler.h"
#include "scheduler/tasks/deletion_store.h"

static const struct route routes[] = {
    {METHOD_DELETE, "/scheduler/videos/:vid", video_schedule},
};

const struct route_table scheduler_routes = {routes, COUNT_OF(routes)};

enum status video_schedule(struct request *request, struct response *response)
{
    enum store_outcome outcome =
        deletion_store_schedule(request->db, request->ids.vid, request->config->delete_grace_s);
    media_cache_remove_in(request->config, request->ids.vid);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    struct json *json = response_json(response, 200);
    json_object(json);
    json_number(json, "video_id", request->ids.vid);
    json_text(json, "status", "scheduled");
    json_object_end(json);
    return STATUS_ANSWERED;
}
