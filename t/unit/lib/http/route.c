#include "lib/http/route.h"

#include <string.h>

#include "t/unit/tap.h"

static enum status handle(struct request *request, struct response *response)
{
    (void)request;
    return response_empty(response, 200);
}

static const struct route routes[] = {
    {METHOD_GET, "/", handle},
    {METHOD_GET, "/api/videos", handle},
    {METHOD_POST, "/api/videos", handle},
    {METHOD_GET, "/api/videos/:vid", handle},
    {METHOD_DELETE, "/api/videos/:vid", handle},
    {METHOD_DELETE, "/api/videos/:vid/comments/:cid", handle},
    {METHOD_GET, "/api/users/:uid/videos", handle},
    {METHOD_GATE, "/api/uploads/:vid", handle},
    {METHOD_PUT, "/api/uploads/:vid", handle},
    {METHOD_DELETE, "/api/sessions/:sid", handle},
};
static const struct route_table table = {routes, COUNT_OF(routes)};

static void test_found(void)
{
    static const struct {
        enum method method;
        const char *path;
        size_t row;
    } rows[] = {
        {METHOD_GET, "/", 0},
        {METHOD_GET, "/api/videos", 1},
        {METHOD_POST, "/api/videos", 2},
        {METHOD_GET, "/api/videos/3", 3},
        {METHOD_GET, "/api/videos/x", 3}, /* ids are read later */
        {METHOD_DELETE, "/api/videos/3", 4},
        {METHOD_DELETE, "/api/videos/3/comments/4", 5},
        {METHOD_GET, "/api/users/3/videos", 6},
        {METHOD_GATE, "/api/uploads/3", 7},
        {METHOD_PUT, "/api/uploads/3", 8},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct route *route = NULL;
        enum route_match match = route_find(&table, rows[i].method, rows[i].path, &route);
        is_int(match, ROUTE_FOUND, "%s %s", method_names[rows[i].method], rows[i].path);
        ok(route == &routes[rows[i].row], "is that row");
    }
}

static void test_not_found(void)
{
    static const char *const paths[] = {
        "",
        "*",
        "api/videos",
        "/api",
        "/api/video",
        "/api/videosx",
        "/API/videos",
        "/api/videos/",
        "/api//videos",
        "//api/videos",
        "/api/videos/3/",
        "/api/videos/3/comments",
        "/api/videos/3/comments/4/5",
        "/api/videos//comments/4",
        "/api/users//videos",
        "/x/api/videos",
        "/api/../api/videos",
    };
    const struct route *route;
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        is_int(route_find(&table, METHOD_GET, paths[i], &route), ROUTE_NO_PATH, "404 for \"%s\"", paths[i]);
}

static const char *allow(const char *path)
{
    static char text[128];
    struct buffer out = {0};
    route_allow(&table, path, &out);
    memcpy(text, out.data, out.length);
    text[out.length] = '\0';
    buffer_free(&out);
    return text;
}

static void test_method(void)
{
    const struct route *route;
    is_int(route_find(&table, METHOD_PUT, "/api/videos", &route), ROUTE_NO_METHOD, "405 for PUT");
    is_int(route_find(&table, METHOD_OTHER, "/api/videos/3", &route), ROUTE_NO_METHOD, "405 for another");
    is_int(route_find(&table, METHOD_OPTIONS, "/api/videos/3", &route), ROUTE_NO_METHOD,
           "nor is OPTIONS a row");
    is_int(route_find(&table, METHOD_GATE, "/api/videos/3", &route), ROUTE_NO_METHOD, "nor the gate here");
    is_text(allow("/api/videos"), "OPTIONS, GET, HEAD, POST", "GET brings HEAD along");
    is_text(allow("/api/videos/3"), "OPTIONS, GET, HEAD, DELETE", "methods of one pattern");
    is_text(allow("/api/videos/3/comments/4"), "OPTIONS, DELETE", "without GET no HEAD");
    is_text(allow("/api/uploads/3"), "OPTIONS, PUT", "the gate is nobody's business");
}

/* Reads the ids of a path that matches the row. */
static const char *read_ids(size_t row, const char *path, struct request *request)
{
    *request = (struct request){.path = path};
    return route_parse_ids(&routes[row], request);
}

static void test_ids(void)
{
    static const char no_user[] = "the user's id is not a number from 1 to 2^63-1";
    static const char no_video[] = "the video's id is not a number from 1 to 2^63-1";
    static const char no_comment[] = "the comment's id is not a UUID";
    struct request request;
    is_text(read_ids(1, "/api/videos", &request), NULL, "no ids");
    is_text(read_ids(3, "/api/videos/9223372036854775807", &request), NULL, "a video's");
    is_int(request.ids.vid, INT64_MAX, "is read");
    is_text(read_ids(6, "/api/users/7/videos", &request), NULL, "a user's");
    is_int(request.ids.uid, 7, "is read");
    is_text(read_ids(5, "/api/videos/3/comments/0F8FAD5B-d9cb-469f-a165-70867728950e", &request), NULL,
            "a video's and a comment's");
    is_int(request.ids.vid, 3, "the video's is read");
    is_text(request.ids.cid, "0f8fad5b-d9cb-469f-a165-70867728950e", "the comment's too");
    is_text(read_ids(3, "/api/videos/0", &request), no_video, "0 is no id");
    is_text(read_ids(3, "/api/videos/3x", &request), no_video, "nor is what only begins with one");
    is_text(read_ids(3, "/api/videos/9223372036854775808", &request), no_video, "nor 2^63");
    is_text(read_ids(6, "/api/users/-1/videos", &request), no_user, "nor -1");
    is_text(read_ids(5, "/api/videos/3/comments/4", &request), no_comment, "a comment's is a UUID");
    is_text(read_ids(9, "/api/sessions/0F8FAD5B-d9cb-469f-a165-70867728950e", &request), NULL, "a session's");
    is_text(request.ids.sid, "0f8fad5b-d9cb-469f-a165-70867728950e", "is read");
    is_text(request.ids.cid, "", "and is no comment's");
    is_text(read_ids(9, "/api/sessions/4", &request), "the session's id is not a UUID", "it is a UUID");
    is_text(read_ids(5, "/api/videos/x/comments/y", &request), no_video, "the first that is wrong is told");
}

int main(void)
{
    test_found();
    test_not_found();
    test_method();
    test_ids();
    return done_testing();
}
