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

/* Queries the database for the video's file and the session's user. session is a hash or
 * NULL. */
static enum store_outcome query_file(struct request *request, const unsigned char *session,
                                     struct video_file *file)
{
    const struct stream_context *context = request->context;
    int64_t user_id, queried_us = clock_us();
    enum store_outcome outcome = file_store_get(request->db, request->ids.vid, session, file, &user_id);
    switch (outcome) {
    case STORE_DONE:
        session_accept(request, user_id);
        media_cache_put(context->media_cache, request->ids.vid, file->key, file->content_type, file->size,
                        queried_us);
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

/* Finds the video's file. A fresh cache entry saves the query, unless the session or the
 * title is needed as well. When the database is down, an entry of the last minute is
 * used. */
static enum store_outcome find_file(struct request *request, struct video_file *file)
{
    const struct stream_context *context = request->context;
    struct media_cache_entry *cached = arena_alloc(request->arena, sizeof *cached);
    unsigned char session[SESSION_HASH_SIZE];
    bool has_session = session_parse(request, session);
    bool known = !has_session && !is_download(request) &&
                 media_cache_find_fresh(context->media_cache, request->ids.vid, cached);
    enum store_outcome outcome = known ? STORE_DONE : query_file(request, has_session ? session : NULL, file);
    if (!known && outcome == STORE_UNAVAILABLE)
        known = media_cache_find(context->media_cache, request->ids.vid, cached);
    if (!known)
        return outcome;
    *file =
        (struct video_file){.key = cached->key, .content_type = cached->content_type, .size = cached->size};
    return STORE_DONE;
}

enum status stream_video(struct request *request, struct response *response)
{
    struct video_file file;
    char token[BUCKET_TOKEN_SIZE];
    enum store_outcome outcome = find_file(request, &file);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    enum status status = token_take(request, BUCKET_STREAM, token);
    if (status != STATUS_ANSWERED)
        return status;
    response_header(response, "X-Token", token);
    if (is_download(request))
        disposition_write(&response->headers, file.title, file.content_type, request->ids.vid);
    /* nginx applies it after VS_STREAM_BURST bytes (limit_rate_after). */
    if (request->config->stream_rate > 0)
        buffer_printf(&response->headers, "X-Accel-Limit-Rate: %" PRId64 "\r\n",
                      request->config->stream_rate);
    return delivery_send(request, response, &file);
}
