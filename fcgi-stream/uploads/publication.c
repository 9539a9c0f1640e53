#include "fcgi-stream/uploads/publication.h"

#include <errno.h>
#include <string.h>

#include "fcgi-stream/context.h"
#include "lib/base/log.h"
#include "lib/media/media_cache.h"

static enum status publish(struct request *request, const struct incoming *incoming,
                           const struct video_file *file, file_store_put *put)
{
    const struct stream_context *context = request->context;
    bool referenced;
    if (!media_publish(&context->media, incoming->fd, incoming->path, file->key))
        return incoming_fail(request, "publish");
    db_begin(request->db, request->arena); /* the fsync may have used up the time limit */
    enum store_outcome outcome = put(request->db, request->ids.vid, request->user_id, file, &referenced);
    if (!referenced && !media_remove(&context->media, file->key))
        log_write(LOG_ERROR, "file_not_removed", "id=%s key=%s reason=\"%s\"", request->id, file->key,
                  strerror(errno));
    return status_from_store(outcome);
}

enum status publication_make(struct request *request, struct response *response, const struct incoming *file,
                             const char *id, const char *content_type, file_store_put *put)
{
    const struct video_file published = {id, content_type, file->size, NULL};
    enum status status = publish(request, file, &published, put);
    if (status != STATUS_ANSWERED)
        return status;
    struct json *json = response_json(response, 201);
    json_object(json);
    json_number(json, "id", request->ids.vid);
    json_number(json, "size", file->size);
    json_text(json, "content_type", content_type);
    json_object_end(json);
    return STATUS_ANSWERED;
}
