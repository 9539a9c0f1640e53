#include "fcgi-stream/uploads/resumable.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "fcgi-stream/context.h"
#include "fcgi-stream/delivery/file_store.h"
#include "fcgi-stream/uploads/tus_header.h"
#include "fcgi-stream/uploads/video_type.h"
#include "lib/base/log.h"
#include "lib/media/media_cache.h"
#include "lib/metrics/metrics.h"

enum status resumable_check_version(struct request *request)
{
    if (strcmp(request_variable(request, "HTTP_TUS_RESUMABLE"), TUS_VERSION) == 0)
        return STATUS_ANSWERED;
    return request_refuse(request, STATUS_PRECONDITION_FAILED, "Tus-Resumable is not " TUS_VERSION);
}

enum status resumable_find(struct request *request, struct resumable *upload)
{
    const struct stream_context *context = request->context;
    *upload = (struct resumable){.id = request->ids.upload};
    enum status status = resumable_check_version(request);
    if (status != STATUS_ANSWERED)
        return status;
    enum store_outcome outcome = upload_store_get(request->db, upload->id, &upload->row);
    if (outcome == STORE_DONE && upload->row.user_id != request->user_id)
        outcome = STORE_FORBIDDEN;
    if (outcome == STORE_MISSING)
        /* The row was deleted with its video, or has expired. */
        media_upload_remove(&context->media, upload->id);
    request->ids.vid = upload->row.video_id;
    return status_from_store(outcome);
}

static void close_file(void *file)
{
    media_upload_close(file);
}

/* Updates the offset and the expiry in the database. Failure is harmless: the file size
 * is authoritative. */
static void update_row(struct request *request, struct resumable *upload)
{
    upload->offset = upload->file->size;
    db_begin(request->db, request->arena); /* the fsync may have used up the time limit */
    if (upload_store_touch(request->db, request->config, upload->id, upload->offset,
                           &upload->row.expires_us) != STORE_DONE)
        log_write(LOG_INFO, "upload_not_updated", "id=%s", upload->id);
}

enum status resumable_open(struct request *request, struct resumable *upload)
{
    const struct stream_context *context = request->context;
    struct media_upload *file = arena_alloc(request->arena, sizeof *file);
    upload->offset = upload->row.length;
    if (upload->row.finished)
        return STATUS_ANSWERED;
    if (!media_upload_open(&context->media, upload->id, file)) {
        off_t size;
        if (errno != EWOULDBLOCK || !media_upload_size(&context->media, upload->id, &size))
            return incoming_fail(request, "open");
        upload->offset = size;
        return request_refuse(request, STATUS_CONFLICT, "another request is writing to the upload");
    }
    arena_defer(request->arena, close_file, file);
    upload->file = file;
    off_t before = file->size;
    if (!media_upload_append_saved(file, upload->row.length))
        return incoming_fail(request, "append_saved");
    upload->offset = file->size;
    if (file->size != before) {
        metrics_add(METRIC_UPLOAD_BYTES, file->size - before);
        log_write(LOG_INFO, "saved_chunks_appended", "id=%s bytes=%lld", upload->id,
                  (long long)(file->size - before));
        update_row(request, upload);
    }
    return STATUS_ANSWERED;
}

enum status resumable_append(struct request *request, struct resumable *upload, const struct incoming *body)
{
    if (!media_upload_append(upload->file, body->fd, body->path, body->size))
        return incoming_fail(request, "append");
    update_row(request, upload);
    return STATUS_ANSWERED;
}

/* Deletes an upload whose file is not a video. */
static void delete_upload(struct request *request, struct resumable *upload)
{
    const struct stream_context *context = request->context;
    media_upload_remove(&context->media, upload->id);
    if (upload_store_delete(request->db, upload->id) != STORE_DONE)
        log_write(LOG_INFO, "upload_not_deleted", "id=%s", upload->id);
}

static enum status publish(struct request *request, struct resumable *upload, const char *content_type)
{
    const struct stream_context *context = request->context;
    const struct video_file file = {upload->id, content_type, upload->row.length};
    bool referenced;
    if (!media_upload_publish(upload->file))
        return incoming_fail(request, "publish");
    db_begin(request->db, request->arena);
    enum store_outcome outcome =
        file_store_publish(request->db, upload->row.video_id, upload->row.user_id, &file, &referenced);
    media_cache_remove(context->media_cache, upload->row.video_id);
    /* The video was deleted, and the upload's row with it. After any other failure the
     * next request retries from here. */
    bool orphaned = outcome == STORE_MISSING || outcome == STORE_FORBIDDEN;
    if (orphaned && !media_remove(&context->media, upload->id))
        log_write(LOG_ERROR, "file_not_removed", "id=%s reason=\"%s\"", upload->id, strerror(errno));
    upload->row.finished = outcome == STORE_DONE;
    return status_from_store(outcome);
}

enum status resumable_finish(struct request *request, struct resumable *upload)
{
    const char *content_type;
    if (upload->row.finished || upload->offset < upload->row.length)
        return STATUS_ANSWERED;
    enum status status = video_type_check(request, upload->file->fd, upload->offset, &content_type);
    if (status == STATUS_ANSWERED)
        return publish(request, upload, content_type);
    if (status == STATUS_UNSUPPORTED_MEDIA)
        delete_upload(request, upload);
    return status;
}

void resumable_headers(const struct resumable *upload, struct response *response)
{
    char date[64];
    struct tm parts;
    time_t seconds = (time_t)(upload->row.expires_us / 1000000);
    buffer_printf(&response->headers, "Upload-Offset: %" PRId64 "\r\n", upload->offset);
    if (upload->row.finished || !gmtime_r(&seconds, &parts))
        return;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    response_header(response, "Upload-Expires", date);
}
