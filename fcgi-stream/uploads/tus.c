#include "fcgi-stream/uploads/tus.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "fcgi-stream/uploads/digest.h"
#include "fcgi-stream/uploads/reservation.h"
#include "fcgi-stream/uploads/resumable.h"
#include "fcgi-stream/uploads/tus_header.h"

bool tus_is_requested(const struct request *request)
{
    return *request_variable(request, "HTTP_TUS_RESUMABLE") != '\0';
}

static bool parse_number(const struct request *request, const char *name, int64_t *number)
{
    const char *text = request_variable(request, name);
    return param_number(text, strlen(text), INT64_MAX, number);
}

/* Checks the headers that describe the body. */
static enum status check_body(struct request *request)
{
    struct digest digest;
    if (strcasecmp(request_variable(request, "CONTENT_TYPE"), TUS_CHUNK_TYPE) != 0)
        return request_refuse(request, STATUS_UNSUPPORTED_MEDIA, "Content-Type is not " TUS_CHUNK_TYPE);
    if (digest_parse_checksum(request_variable(request, "HTTP_UPLOAD_CHECKSUM"), &digest) == DIGEST_MALFORMED)
        return request_refuse(request, STATUS_BAD_REQUEST,
                              "Upload-Checksum is malformed or not one of " TUS_CHECKSUMS);
    return STATUS_ANSWERED;
}

enum status tus_check_creation(struct request *request, int64_t *bytes)
{
    int64_t body = 0;
    enum status status = resumable_check_version(request);
    if (status != STATUS_ANSWERED)
        return status;
    if (!parse_number(request, "HTTP_UPLOAD_LENGTH", bytes) || *bytes == 0)
        return request_refuse(request, STATUS_BAD_REQUEST, "Upload-Length is not a positive number");
    if (*bytes > request->config->max_upload_bytes)
        return request_refuse(request, STATUS_TOO_LARGE, "the file exceeds the maximum upload size");
    if (!tus_metadata_is_valid(request_variable(request, "HTTP_UPLOAD_METADATA")))
        return request_refuse(request, STATUS_BAD_REQUEST, "Upload-Metadata is malformed or too long");
    if (*request_variable(request, "CONTENT_LENGTH") && !parse_number(request, "CONTENT_LENGTH", &body))
        return STATUS_BAD_REQUEST;
    if (body > *bytes)
        return request_refuse(request, STATUS_TOO_LARGE, "the body is longer than Upload-Length");
    return body > 0 ? check_body(request) : STATUS_ANSWERED;
}

enum status tus_parse_patch(struct request *request, struct tus_patch *patch)
{
    enum status status = check_body(request);
    if (status != STATUS_ANSWERED)
        return status;
    if (!parse_number(request, "HTTP_UPLOAD_OFFSET", &patch->offset))
        return request_refuse(request, STATUS_BAD_REQUEST, "Upload-Offset is not a number");
    patch->length = -1;
    if (*request_variable(request, "CONTENT_LENGTH") &&
        !parse_number(request, "CONTENT_LENGTH", &patch->length))
        return STATUS_BAD_REQUEST;
    patch->checksum = *request_variable(request, "HTTP_UPLOAD_CHECKSUM") != '\0';
    return STATUS_ANSWERED;
}

static enum status check_checksum(struct request *request, const struct incoming *body)
{
    struct digest digest;
    bool same = true;
    if (digest_parse_checksum(request_variable(request, "HTTP_UPLOAD_CHECKSUM"), &digest) == DIGEST_GIVEN &&
        !digest_check(body->fd, body->size, &digest, &same))
        return incoming_fail(request, "read");
    if (same)
        return STATUS_ANSWERED;
    return request_refuse(request, STATUS_CHECKSUM_MISMATCH, "the body does not match Upload-Checksum");
}

/* Appends the body, if any, to the open upload and publishes it after the last chunk. */
static enum status append_body(struct request *request, struct resumable *upload, const struct incoming *body)
{
    enum status status = STATUS_ANSWERED;
    if (body) {
        if (body->size > upload->row.length - upload->offset)
            return request_refuse(request, STATUS_TOO_LARGE,
                                  "the body is longer than the rest of the upload");
        status = check_checksum(request, body);
        if (status == STATUS_ANSWERED)
            status = resumable_append(request, upload, body);
    }
    return status == STATUS_ANSWERED ? resumable_finish(request, upload) : status;
}

enum status tus_create(struct request *request, struct response *response)
{
    struct incoming *body;
    int64_t bytes;
    enum status status = incoming_open(request, &body);
    if (status == STATUS_ANSWERED)
        status = tus_check_creation(request, &bytes);
    if (status == STATUS_ANSWERED && body)
        status = check_body(request);
    if (status == STATUS_ANSWERED && !reservation_id(request, request->ids.upload))
        status = STATUS_INTERNAL;
    if (status != STATUS_ANSWERED)
        return status;
    enum store_outcome outcome = upload_store_begin(request->db, request->config, request->ids.upload,
                                                    request_variable(request, "HTTP_UPLOAD_METADATA"));
    struct resumable upload;
    status = outcome == STORE_DONE ? resumable_find(request, &upload) : status_from_store(outcome);
    if (status == STATUS_ANSWERED)
        status = resumable_open(request, &upload);
    if (status == STATUS_ANSWERED)
        status = append_body(request, &upload, body);
    if (status != STATUS_ANSWERED)
        return status;
    buffer_printf(&response->headers, "Location: /stream/uploads/%s\r\n", upload.id);
    resumable_headers(&upload, response);
    return response_empty(response, 201);
}

enum status tus_append(struct request *request, struct response *response)
{
    struct resumable upload;
    struct tus_patch patch;
    struct incoming *body;
    /* Opened first, so that it is deleted when this request is rejected; otherwise the
     * journal would save it as a chunk. */
    enum status status = incoming_open(request, &body);
    if (status == STATUS_ANSWERED)
        status = resumable_find(request, &upload);
    if (status == STATUS_ANSWERED)
        status = tus_parse_patch(request, &patch);
    if (status == STATUS_ANSWERED)
        status = resumable_open(request, &upload);
    if (status != STATUS_ANSWERED)
        return status;
    if (patch.offset != upload.offset)
        return request_refuse(request, STATUS_CONFLICT, "Upload-Offset does not match the current offset");
    status = append_body(request, &upload, body);
    if (status != STATUS_ANSWERED)
        return status;
    resumable_headers(&upload, response);
    return response_empty(response, 204);
}

enum status tus_show(struct request *request, struct response *response)
{
    struct resumable upload;
    enum status status = resumable_find(request, &upload);
    if (status != STATUS_ANSWERED)
        return status;
    status = resumable_open(request, &upload);
    if (status == STATUS_CONFLICT)
        /* The offset is current. At the full length the other request is about to check
         * and publish the file, which may fail. */
        status = upload.offset < upload.row.length ? STATUS_ANSWERED : STATUS_UNAVAILABLE;
    else if (status == STATUS_ANSWERED)
        status = resumable_finish(request, &upload);
    if (status != STATUS_ANSWERED)
        return status;
    resumable_headers(&upload, response);
    buffer_printf(&response->headers, "Upload-Length: %" PRId64 "\r\n", upload.row.length);
    if (*upload.row.metadata)
        response_header(response, "Upload-Metadata", upload.row.metadata);
    return response_empty(response, 200);
}

enum status tus_terminate(struct request *request, struct response *response)
{
    const struct stream_context *context = request->context;
    struct resumable upload;
    enum status status = resumable_find(request, &upload);
    if (status == STATUS_ANSWERED)
        status = resumable_open(request, &upload);
    if (status != STATUS_ANSWERED)
        return status;
    media_upload_remove(&context->media, upload.id);
    enum store_outcome outcome = upload_store_delete(request->db, upload.id);
    return outcome == STORE_DONE ? response_empty(response, 204) : status_from_store(outcome);
}

enum status tus_options(struct request *request, struct response *response)
{
    response_header(response, "Tus-Version", TUS_VERSION);
    response_header(response, "Tus-Extension", TUS_EXTENSIONS);
    response_header(response, "Tus-Checksum-Algorithm", TUS_CHECKSUMS);
    buffer_printf(&response->headers, "Tus-Max-Size: %" PRId64 "\r\n", request->config->max_upload_bytes);
    return response_empty(response, 204);
}
