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
        {METHOD_GET, "/api/videos/x", 3}, /* ids are parsed later */
        {METHOD_DELETE, "/api/videos/3", 4},
        {METHOD_DELETE, "/api/videos/3/comments/4", 5},
        {METHOD_GET, "/api/users/3/videos", 6},
        {METHOD_GATE, "/api/uploads/3", 7},
        {METHOD_PUT, "/api/uploads/3", 8},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct route *route = NULL;
        enum route_match match = route_find(&table, rows[i].method, rows[i].path, &route);
        is_int(match, ROUTE_FOUND, "%s %s is found", method_names[rows[i].method], rows[i].path);
        ok(route == &routes[rows[i].row], "the found row is the expected one");
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
        is_int(route_find(&table, METHOD_GET, paths[i], &route), ROUTE_NO_PATH, "\"%s\" matches no pattern",
               paths[i]);
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
    is_int(route_find(&table, METHOD_PUT, "/api/videos", &route), ROUTE_NO_METHOD,
           "a method without a row is not found");
    is_int(route_find(&table, METHOD_OTHER, "/api/videos/3", &route), ROUTE_NO_METHOD,
           "an unknown method is not found");
    is_int(route_find(&table, METHOD_OPTIONS, "/api/videos/3", &route), ROUTE_NO_METHOD,
           "OPTIONS without a row is not found");
    is_int(route_find(&table, METHOD_GATE, "/api/videos/3", &route), ROUTE_NO_METHOD,
           "the gate without a row is not found");
    is_text(allow("/api/videos"), "OPTIONS, GET, HEAD, POST", "GET implies HEAD");
    is_text(allow("/api/videos/3"), "OPTIONS, GET, HEAD, DELETE", "all methods of a pattern are listed");
    is_text(allow("/api/videos/3/comments/4"), "OPTIONS, DELETE", "HEAD is not listed without GET");
    is_text(allow("/api/uploads/3"), "OPTIONS, PUT", "the gate is not listed");
}

/* Parses the ids of a path that matches the row. */
static const char *parse_ids(size_t row, const char *path, struct request *request)
{
    *request = (struct request){.path = path};
    return route_parse_ids(&routes[row], request);
}

static void test_ids(void)
{
    static const char bad_user[] = "the user id must be a number from 1 to 2^63-1";
    static const char bad_video[] = "the video id must be a number from 1 to 2^63-1";
    static const char bad_comment[] = "the comment id must be a UUID";
    struct request request;
    is_text(parse_ids(1, "/api/videos", &request), NULL, "a path without ids is valid");
    is_text(parse_ids(3, "/api/videos/9223372036854775807", &request), NULL, "a video id is valid");
    is_int(request.ids.vid, INT64_MAX, "the video id is parsed");
    is_text(parse_ids(6, "/api/users/7/videos", &request), NULL, "a user id is valid");
    is_int(request.ids.uid, 7, "the user id is parsed");
    is_text(parse_ids(5, "/api/videos/3/comments/0F8FAD5B-d9cb-469f-a165-70867728950e", &request), NULL,
            "a video id with a comment id is valid");
    is_int(request.ids.vid, 3, "the video id before a comment id is parsed");
    is_text(request.ids.cid, "0f8fad5b-d9cb-469f-a165-70867728950e", "the comment id is parsed");
    is_text(parse_ids(3, "/api/videos/0", &request), bad_video, "the id 0 is rejected");
    is_text(parse_ids(3, "/api/videos/3x", &request), bad_video, "an id with a trailing letter is rejected");
    is_text(parse_ids(3, "/api/videos/9223372036854775808", &request), bad_video, "the id 2^63 is rejected");
    is_text(parse_ids(6, "/api/users/-1/videos", &request), bad_user, "the id -1 is rejected");
    is_text(parse_ids(5, "/api/videos/3/comments/4", &request), bad_comment,
            "a comment id that is a number is rejected");
    is_text(parse_ids(9, "/api/sessions/0F8FAD5B-d9cb-469f-a165-70867728950e", &request), NULL,
            "a session id is valid");
    is_text(request.ids.sid, "0f8fad5b-d9cb-469f-a165-70867728950e", "the session id is parsed");
    is_text(request.ids.cid, "", "a session id does not set the comment id");
    is_text(parse_ids(9, "/api/sessions/4", &request), "the session id must be a UUID",
            "a session id that is a number is rejected");
    is_text(parse_ids(5, "/api/videos/x/comments/y", &request), bad_video,
            "the first invalid id is reported");
}

int main(void)
{
    test_found();
    test_not_found();
    test_method();
    test_ids();
    return done_testing();
}
