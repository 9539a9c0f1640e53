/* The routes of fcgi-api. */
#include "fcgi-api/api.h"

static const struct route routes[] = {
    {METHOD_POST, "/api/users", user_create, .form = &credentials_form, .idempotent = true},
    {METHOD_GET, "/api/users/:uid", user_get},
    {METHOD_GET, "/api/users/:uid/videos", video_list_of_user, .pages = PAGE_BY_ID, .coalesced = true},
    {METHOD_PUT, "/api/users/:uid/password", password_change, .session = true, .form = &password_form},
    {METHOD_POST, "/api/sessions", session_create, .form = &credentials_form},
    {METHOD_GET, "/api/sessions", session_list, .session = true, .pages = PAGE_BY_UUID},
    {METHOD_DELETE, "/api/sessions", session_delete, .session = true},
    {METHOD_DELETE, "/api/sessions/:sid", session_delete_by_id, .session = true},
    {METHOD_GET, "/api/videos", video_list, .pages = PAGE_BY_ID, .searches = true, .coalesced = true},
    {METHOD_POST, "/api/videos", video_create, .session = true, .form = &video_form, .idempotent = true},
    {METHOD_GET, "/api/videos/:vid", video_get},
    {METHOD_PATCH, "/api/videos/:vid", video_edit, .session = true, .form = &video_edit_form},
    {METHOD_DELETE, "/api/videos/:vid", video_delete, .session = true},
    {METHOD_GET, "/api/videos/:vid/comments", comment_list, .pages = PAGE_BY_UUID, .coalesced = true},
    {METHOD_POST, "/api/videos/:vid/comments", comment_create, .session = true, .form = &comment_form,
     .idempotent = true},
    {METHOD_DELETE, "/api/videos/:vid/comments/:cid", comment_delete, .session = true},
    {METHOD_GET, "/api/openapi.json", openapi_show},
    {METHOD_GET, "/livez", live_show},
    {METHOD_GET, "/readyz", ready_show},
    {METHOD_GET, "/metrics", metrics_show},
};

const struct route_table api_routes = {routes, COUNT_OF(routes)};
