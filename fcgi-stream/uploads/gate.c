#include <inttypes.h>
#include <string.h>

#include "fcgi-stream/uploads/gate.h"

#include "fcgi-stream/delivery/file_store.h"
#include "fcgi-stream/tokens/token.h"
#include "fcgi-stream/uploads/multipart.h"
#include "fcgi-stream/uploads/reservation.h"
#include "fcgi-stream/uploads/resumable.h"
#include "fcgi-stream/uploads/tus.h"
#include "fcgi-stream/uploads/upload.h"

/* Checks the declared length. A chunked body has none: nginx bounds it, and the maximum
 * is reserved for it. */
static enum status check_length(struct request *request, int64_t *bytes)
{
    const char *text = request_variable(request, "CONTENT_LENGTH");
    int64_t length, max = request->config->max_upload_bytes + UPLOAD_HEADERS_MAX;
    *bytes = request->config->max_upload_bytes;
    if (!*text)
        return STATUS_ANSWERED;
    if (!param_number(text, strlen(text), INT64_MAX, &length) || length == 0)
        return request_refuse(request, STATUS_BAD_REQUEST, "the body is empty");
    if (length > max)
        return request_refuse(request, STATUS_TOO_LARGE, "the file exceeds the maximum upload size");
    *bytes = length;
    return STATUS_ANSWERED;
}

enum status upload_gate(struct request *request, struct response *response)
{
    char boundary[MULTIPART_BOUNDARY_SIZE];
    int64_t bytes;
    enum store_outcome outcome = file_store_check_author(request->db, request->ids.vid, request->user_id);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    bool is_resumable = tus_is_requested(request);
    bool is_form = !is_resumable && multipart_type(request_variable(request, "CONTENT_TYPE"), boundary);
    enum status status = is_resumable ? tus_check_creation(request, &bytes) : check_length(request, &bytes);
    if (status == STATUS_ANSWERED)
        status = upload_check_digest_fields(request);
    if (status == STATUS_ANSWERED)
        status = reservation_make(request, is_form ? UPLOAD_FORM : UPLOAD_RAW, bytes);
    return status == STATUS_ANSWERED ? response_empty(response, 204) : status;
}

/* The upload's bytes were reserved at its creation, but something else may have filled
 * the disk since. */
static enum status check_disk(struct request *request)
{
    const struct stream_context *context = request->context;
    int64_t free_bytes;
    if (!media_free_bytes(&context->media, &free_bytes))
        return incoming_fail(request, "statvfs");
    if (free_bytes < request->config->disk_headroom_bytes)
        return request_refuse(request, STATUS_STORAGE_FULL, "the disk is full");
    return STATUS_ANSWERED;
}

static enum status check_chunk(struct request *request, const struct resumable *upload,
                               const struct tus_patch *patch)
{
    if (patch->offset != upload->offset)
        return request_refuse(request, STATUS_CONFLICT, "Upload-Offset does not match the current offset");
    if (patch->length > upload->row.length - upload->offset)
        return request_refuse(request, STATUS_TOO_LARGE, "the body is longer than the rest of the upload");
    return check_disk(request);
}

/* X-Upload is the name under which the journal saves the chunk when the client vanishes.
 * With a checksum there is none, because an incomplete chunk can't be verified. */
enum status tus_gate(struct request *request, struct response *response)
{
    struct resumable upload = {0};
    struct tus_patch patch = {0};
    char token[BUCKET_TOKEN_SIZE];
    enum status status = resumable_find(request, &upload);
    if (status == STATUS_ANSWERED)
        status = tus_parse_patch(request, &patch);
    if (status == STATUS_ANSWERED)
        status = resumable_open(request, &upload);
    if (status == STATUS_ANSWERED || status == STATUS_CONFLICT)
        status = check_chunk(request, &upload, &patch);
    if (status == STATUS_ANSWERED)
        status = token_take(request, BUCKET_UPLOAD, token);
    if (status != STATUS_ANSWERED)
        return status;
    if (!patch.checksum && !upload.row.finished)
        buffer_printf(&response->headers, "X-Upload: %s.%" PRId64 "\r\n", upload.id, upload.offset);
    return response_empty(response, 204);
}
