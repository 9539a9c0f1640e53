#include "fcgi-api/api.h"
#include "fcgi-api/comment_store.h"
#include "fcgi-api/video_lookup.h"
#include "fcgi-api/video_store.h"

enum { CONTENT, AUTHOR_ID };

static const struct field fields[] = {
    [CONTENT] = {"content", FIELD_TEXT, .required = true, .min = 1, .max = 1000},
    [AUTHOR_ID] = {"author_id", FIELD_ID},
};
const struct form comment_form = {fields, COUNT_OF(fields)};

static void write_comment(struct json *json, const struct comment *comment)
{
    json_object(json);
    json_text(json, "id", comment->id);
    json_number(json, "video_id", comment->video_id);
    json_number(json, "author_id", comment->author_id);
    json_text(json, "author_name", comment->author_name);
    json_text(json, "content", comment->content);
    json_time(json, "post_time", comment->post_time_us / 1000000);
    json_object_end(json);
}

static struct page_position write_row(struct json *json, const struct db_rows *rows, int row)
{
    struct comment comment;
    comment_from_row(rows, row, &comment);
    write_comment(json, &comment);
    return (struct page_position){.time_us = comment.post_time_us, .uuid = comment.id};
}

/* 200; 404 when the video does not exist. */
enum status comment_list(struct request *request, struct response *response)
{
    struct db_rows rows;
    struct video video;
    enum store_outcome outcome = comment_store_list(request->db, &request->page, request->ids.vid, &rows);
    if (outcome == STORE_DONE && rows.count == 0)
        outcome = video_lookup(request, request->ids.vid, &video);
    return page_respond(request, response, outcome, &rows, "comments", write_row);
}

/* 201; 403 when author_id is another user; 404 when the video does not exist. */
enum status comment_create(struct request *request, struct response *response)
{
    const struct field_value *values = request->values;
    struct comment comment;
    if (values[AUTHOR_ID].present && values[AUTHOR_ID].id != request->user_id)
        return request_refuse(request, STATUS_FORBIDDEN, "author_id is not your user id");
    enum store_outcome outcome =
        comment_store_create(request->db, request->ids.vid, request->user_id, values[CONTENT].text, &comment);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    write_comment(response_json(response, 201), &comment);
    return STATUS_ANSWERED;
}

/* 204; 403 when the user is the author of neither comment nor video; 404 when there is
 * no such comment. */
enum status comment_delete(struct request *request, struct response *response)
{
    enum store_outcome outcome =
        comment_store_delete(request->db, request->ids.vid, request->ids.cid, request->user_id);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    return response_empty(response, 204);
}
