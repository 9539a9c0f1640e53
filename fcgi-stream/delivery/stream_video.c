#include <inttypes.h>

#include "fcgi-stream/delivery/stream_video.h"

#include "fcgi-stream/context.h"
#include "fcgi-stream/delivery/delivery.h"
#include "fcgi-stream/delivery/disposition.h"
#include "fcgi-stream/delivery/file_store.h"
#include "fcgi-stream/tokens/token.h"
#include "lib/base/clock.h"
#include "lib/http/session.h"
#include "lib/media/media_cache.h"

/* Asks for the video's file, and in the same query who wants it. session is a hash or NULL. */
static enum store_outcome ask(struct request *request, const unsigned char *session, struct video_file *file)
{
    const struct stream_context *context = request->context;
    int64_t user_id, asked_us = clock_us();
    enum store_outcome outcome = file_store_get(request->db, request->ids.vid, session, file, &user_id);
    switch (outcome) {
    case STORE_DONE:
        session_accept(request, user_id);
        media_cache_put(context->media_cache, request->ids.vid, file->key, file->content_type, file->size,
                        asked_us);
        return outcome;
    case STORE_MISSING: media_cache_remove(context->media_cache, request->ids.vid); return outcome;
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
    struct media_cache_entry *cached = arena_alloc(request->arena, sizeof *cached);
    unsigned char session[SESSION_HASH_SIZE];
    bool has_session = session_parse(request, session);
    bool known = !has_session && !is_download(request) &&
                 media_cache_find_fresh(context->media_cache, request->ids.vid, cached);
    enum store_outcome outcome = known ? STORE_DONE : ask(request, has_session ? session : NULL, file);
    if (!known && outcome == STORE_UNAVAILABLE)
        known = media_cache_find(context->media_cache, request->ids.vid, cached);
    if (!known)
        return outcome;
    *file =
        (struct video_file){.key = cached->key, .content_type = cached->content_type, .size = cached->size};
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
        return status_from_store(outcome);
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
