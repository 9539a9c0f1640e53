#include "fcgi-stream/uploads/upload.h"

#include "fcgi-stream/uploads/digest.h"
#include "fcgi-stream/uploads/multipart.h"
#include "fcgi-stream/uploads/publication.h"
#include "fcgi-stream/uploads/reservation.h"
#include "fcgi-stream/uploads/tus.h"
#include "fcgi-stream/uploads/video_type.h"
#include "lib/media/media_cache.h"

/* Both fields mean the same here, because the body is the whole representation. */
static const char *const digest_fields[] = {"HTTP_CONTENT_DIGEST", "HTTP_REPR_DIGEST"};

enum status upload_check_digest_fields(struct request *request)
{
    struct digest digest;
    for (size_t i = 0; i < COUNT_OF(digest_fields); i++)
        if (digest_parse_field(request_variable(request, digest_fields[i]), &digest) == DIGEST_MALFORMED)
            return request_refuse(request, STATUS_BAD_REQUEST,
                                  "Content-Digest or Repr-Digest is malformed (RFC 9530)");
    return STATUS_ANSWERED;
}

static enum status check_digests(struct request *request, const struct incoming *body)
{
    struct digest digest;
    for (size_t i = 0; i < COUNT_OF(digest_fields); i++) {
        bool same = true;
        if (digest_parse_field(request_variable(request, digest_fields[i]), &digest) == DIGEST_GIVEN &&
            !digest_check(body->fd, body->size, &digest, &same))
            return incoming_fail(request, "read");
        if (!same)
            return request_refuse(request, STATUS_BAD_REQUEST, "the body does not match its digest");
    }
    return STATUS_ANSWERED;
}

static enum status check_size(struct request *request, int64_t size)
{
    if (size == 0)
        return request_refuse(request, STATUS_BAD_REQUEST, "the file is empty");
    if (size > request->config->max_upload_bytes)
        return request_refuse(request, STATUS_TOO_LARGE, "the file exceeds the maximum upload size");
    return STATUS_ANSWERED;
}

/* Copies the video file out of a form to its own file. */
static enum multipart_outcome extract(const struct request *request, const struct incoming *body,
                                      const char *boundary, struct incoming *file)
{
    const struct stream_context *context = request->context;
    char id[PARAM_UUID_SIZE];
    off_t start;
    enum multipart_outcome outcome = multipart_find_start(body->fd, body->size, boundary, &start);
    if (outcome != MULTIPART_FOUND)
        return outcome;
    if (!reservation_id(request, id) ||
        (file->fd = media_create_extract(&context->media, id, file->path)) < 0)
        return MULTIPART_UNWRITABLE;
    struct media_writer writer = {.fd = file->fd};
    outcome = multipart_copy(body->fd, body->size, boundary, start, &writer);
    file->size = writer.end;
    return outcome;
}

static enum status receive_form(struct request *request, const struct incoming *body, const char *boundary,
                                struct incoming *file)
{
    switch (extract(request, body, boundary, file)) {
    case MULTIPART_FOUND: return check_size(request, file->size);
    case MULTIPART_NO_FILE:
        return request_refuse(request, STATUS_BAD_REQUEST, "the form has no field named file");
    case MULTIPART_MALFORMED:
        return request_refuse(request, STATUS_BAD_REQUEST, "the body is not valid multipart/form-data");
    case MULTIPART_UNREADABLE: return incoming_fail(request, "read");
    case MULTIPART_UNWRITABLE: return incoming_fail(request, "copy");
    }
    return STATUS_INTERNAL;
}

/* Sets *upload to the video file: the body, or the file extracted from the form in it. */
static enum status receive(struct request *request, struct incoming **upload)
{
    char boundary[MULTIPART_BOUNDARY_SIZE];
    struct incoming *body;
    enum status status = incoming_open(request, &body);
    *upload = body;
    if (status == STATUS_ANSWERED && !body)
        return request_refuse(request, STATUS_BAD_REQUEST, "the body is empty");
    if (status == STATUS_ANSWERED)
        status = check_digests(request, body);
    if (status != STATUS_ANSWERED)
        return status;
    if (!multipart_type(request_variable(request, "CONTENT_TYPE"), boundary))
        return check_size(request, body->size);
    *upload = incoming_new(request);
    return receive_form(request, body, boundary, *upload);
}

enum status upload_video(struct request *request, struct response *response)
{
    const struct stream_context *context = request->context;
    struct incoming *upload;
    const char *content_type;
    char id[PARAM_UUID_SIZE];
    if (tus_is_requested(request))
        return tus_create(request, response);
    if (!reservation_id(request, id))
        return request_refuse(request, STATUS_INTERNAL, "the request did not come from nginx");
    enum status status = receive(request, &upload);
    if (status == STATUS_ANSWERED)
        status = video_type_check(request, upload->fd, upload->size, &content_type);
    if (status == STATUS_ANSWERED) {
        status = publication_make(request, response, upload, id, content_type, file_store_publish);
        media_cache_remove(context->media_cache, request->ids.vid);
    }
    if (status != STATUS_ANSWERED)
        reservation_cancel(request, id);
    return status;
}
