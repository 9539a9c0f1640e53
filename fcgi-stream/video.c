#include <inttypes.h>

#include "clock.h"
#include "delivery.h"
#include "disposition.h"
#include "file_store.h"
#include "session.h"
#include "stream.h"

/* Asks for the video's file, and in the same query who wants it. session is a hash or NULL. */
static enum store_outcome ask(struct request *request, const unsigned char *session, struct video_file *file)
{
    const struct stream_context *context = request->context;
    int64_t user_id, asked_us = clock_us();
    enum store_outcome outcome = file_store_get(request->db, request->ids.vid, session, file, &user_id);
    switch (outcome) {
    case STORE_DONE:
        session_accept(request, user_id);
        recent_remember(context->recent, request->ids.vid, file->key, file->content_type, file->size,
                        asked_us);
        return outcome;
    case STORE_MISSING: recent_forget(context->recent, request->ids.vid); return outcome;
    default: return outcome;
    }
}

static bool is_download(const struct request *request)
{
    const char *value;
    size_t length;
    return param_query(request->query, "download", &value, &length) && length == 1 && *value == '1';
}

/* Finds the video's file. What is known from just now needs no database, unless there is more to ask for: who wants
 * it, or what the video is called. With the database down, what is known from the last minute has to do. */
static enum store_outcome find(struct request *request, struct video_file *file)
{
    const struct stream_context *context = request->context;
    struct recent_file *recent = arena_alloc(request->arena, sizeof *recent);
    unsigned char session[SESSION_HASH_SIZE];
    bool has_session = session_read(request, session);
    bool known =
        !has_session && !is_download(request) && recent_find_fresh(context->recent, request->ids.vid, recent);
    enum store_outcome outcome = known ? STORE_DONE : ask(request, has_session ? session : NULL, file);
    if (!known && outcome == STORE_UNAVAILABLE)
        known = recent_find(context->recent, request->ids.vid, recent);
    if (!known)
        return outcome;
    *file =
        (struct video_file){.key = recent->key, .content_type = recent->content_type, .size = recent->size};
    return STORE_DONE;
}

/* 200, and the file, or the part of it that the client asked for; 404 when there is no such video or no file of it; 429
 * when the bucket is empty. */
enum status stream_video(struct request *request, struct response *response)
{
    struct video_file file;
    char token[BUCKET_TOKEN_SIZE];
    enum store_outcome outcome = find(request, &file);
    if (outcome != STORE_DONE)
        return status_of_store(outcome);
    enum status status = token_take(request, BUCKET_STREAM, token);
    if (status != STATUS_ANSWERED)
        return status;
    response_header(response, "X-Token", token);
    if (is_download(request))
        disposition_write(&response->headers, file.title, file.content_type, request->ids.vid);
    /* VS_STREAM_BURST is in nginx's configuration. */
    if (request->config->stream_rate > 0)
        buffer_printf(&response->headers, "X-Accel-Limit-Rate: %" PRId64 "\r\n",
                      request->config->stream_rate);
    return delivery_send(request, response, &file);
}
