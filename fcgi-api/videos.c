#include "fcgi-api/api.h"
#include "fcgi-api/user_store.h"
#include "fcgi-api/video_lookup.h"
#include "fcgi-api/video_store.h"
#include "lib/http/etag.h"
#include "lib/media/media_cache.h"

#include <stdio.h>

enum { TITLE, DESCRIPTION, AUTHOR_ID };

static const struct field fields[] = {
    [TITLE] = {"title", FIELD_LINE, .required = true, .min = 1, .max = 200},
    [DESCRIPTION] = {"description", FIELD_TEXT, .max = 5000},
    [AUTHOR_ID] = {"author_id", FIELD_ID},
};
const struct form video_form = {fields, COUNT_OF(fields)};

static const struct field edit_fields[] = {
    [TITLE] = {"title", FIELD_LINE, .min = 1, .max = 200},
    [DESCRIPTION] = {"description", FIELD_TEXT, .max = 5000},
};
const struct form video_edit_form = {edit_fields, COUNT_OF(edit_fields)};

static void write_file(struct json *json, const struct video *video)
{
    if (!video->ready) {
        json_null(json, "size");
        json_null(json, "content_type");
        json_null(json, "stream_url");
        return;
    }
    char url[64];
    snprintf(url, sizeof url, "/stream/videos/%lld", (long long)video->id);
    json_number(json, "size", video->size);
    json_text(json, "content_type", video->content_type);
    json_text(json, "stream_url", url);
}

static void write_poster(struct json *json, const struct video *video)
{
    char url[64];
    snprintf(url, sizeof url, "/stream/videos/%lld/poster", (long long)video->id);
    if (video->has_poster)
        json_text(json, "poster_url", url);
    else
        json_null(json, "poster_url");
}

static void write_video(struct json *json, const struct video *video)
{
    json_object(json);
    json_number(json, "id", video->id);
    json_number(json, "author_id", video->author_id);
    json_text(json, "author_name", video->author_name);
    json_text(json, "title", video->title);
    json_text(json, "description", video->description);
    json_time(json, "create_time", video->create_time_us / 1000000);
    json_text(json, "state", video->ready ? "ready" : "created");
    write_file(json, video);
    write_poster(json, video);
    json_number(json, "views", video->views);
    json_object_end(json);
}

/* The ETag is weak: the number of views changes without a new revision. */
static enum status answer_video(struct response *response, int http, const struct video *video)
{
    etag_header(&response->headers, video->revision, true);
    write_video(response_json(response, http), video);
    return STATUS_ANSWERED;
}

static struct page_position write_row(struct json *json, const struct db_rows *rows, int row)
{
    struct video video;
    video_from_row(rows, row, &video);
    write_video(json, &video);
    return (struct page_position){.time_us = video.create_time_us, .id = video.id};
}

/* 200. */
enum status video_list(struct request *request, struct response *response)
{
    const struct search_terms *search = &request->search;
    struct db_rows rows;
    enum store_outcome outcome =
        search->words ? video_store_search(request->db, &request->page, search->words,
                                           search_pattern(request->arena, search), search->ready, &rows)
                      : video_store_list(request->db, &request->page, search->ready, &rows);
    return page_respond(request, response, outcome, &rows, NULL, write_row);
}

/* 200; 404 when the user does not exist. */
enum status video_list_of_user(struct request *request, struct response *response)
{
    struct user user;
    struct db_rows rows;
    enum store_outcome outcome = user_store_get(request->db, request->ids.uid, &user);
    if (outcome == STORE_DONE)
        outcome = video_store_list_of_user(request->db, &request->page, user.id, &rows);
    return page_respond(request, response, outcome, &rows, NULL, write_row);
}

/* 200; 304 when If-None-Match matches; 404 when the video does not exist. */
enum status video_get(struct request *request, struct response *response)
{
    struct video video;
    enum store_outcome outcome = video_lookup(request, request->ids.vid, &video);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    if (etag_none_match(request_variable(request, "HTTP_IF_NONE_MATCH"), video.revision)) {
        etag_header(&response->headers, video.revision, true);
        return response_empty(response, 304);
    }
    return answer_video(response, 200, &video);
}

/* 201; 403 when author_id is another user. */
enum status video_create(struct request *request, struct response *response)
{
    const struct field_value *values = request->values;
    struct video video;
    if (values[AUTHOR_ID].present && values[AUTHOR_ID].id != request->user_id)
        return request_refuse(request, STATUS_FORBIDDEN, "author_id is not your user id");
    const char *description = values[DESCRIPTION].present ? values[DESCRIPTION].text : "";
    enum store_outcome outcome =
        video_store_create(request->db, request->user_id, values[TITLE].text, description, &video);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    buffer_printf(&response->headers, "Location: /api/videos/%lld\r\n", (long long)video.id);
    return answer_video(response, 201, &video);
}

/* 200; 403 for another author's video; 404 for none; 412 when If-Match does not match. */
enum status video_edit(struct request *request, struct response *response)
{
    const struct field_value *title = &request->values[TITLE], *description = &request->values[DESCRIPTION];
    struct video video;
    if (!title->present && !description->present)
        return request_refuse(request, STATUS_BAD_REQUEST, "title or description is required");
    const struct video_edit edit = {
        .title = title->text,
        .description = description->text,
        .revisions = etag_match(request->arena, request_variable(request, "HTTP_IF_MATCH")),
    };
    enum store_outcome outcome =
        video_store_edit(request->db, request->ids.vid, request->user_id, &edit, &video);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    return answer_video(response, 200, &video);
}

/* 204; 403 for another author's video; 404 for none; 412 when If-Match does not match. */
enum status video_delete(struct request *request, struct response *response)
{
    const char *revisions = etag_match(request->arena, request_variable(request, "HTTP_IF_MATCH"));
    enum store_outcome outcome = video_store_delete(request->db, request->ids.vid, request->user_id,
                                                    revisions, request->config->delete_grace_s);
    media_cache_remove_in(request->config, request->ids.vid);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    return response_empty(response, 204);
}
