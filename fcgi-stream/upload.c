#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"
#include "digest.h"
#include "file_store.h"
#include "log.h"
#include "multipart.h"
#include "reservation.h"

/* The file that nginx wrote the body to or, from a multipart body, the one that its part was copied to. */
struct upload {
    int fd; /* -1: none */
    char path[MEDIA_PATH_SIZE];
    int64_t size;
};

/* What was published has another name by now; all else goes with the request. */
static void discard(void *object)
{
    struct upload *upload = object;
    if (upload->fd < 0)
        return;
    close(upload->fd);
    unlink(upload->path);
}

static struct upload *upload_new(struct request *request)
{
    struct upload *upload = arena_alloc(request->arena, sizeof *upload);
    *upload = (struct upload){.fd = -1};
    arena_defer(request->arena, discard, upload);
    return upload;
}

/* A system call failed: says so in the log, and a full disk to the client too. */
static enum status fail(struct request *request, const char *step)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    log_write(LOG_ERROR, "upload_failed", "id=%s step=%s reason=\"%s\"", request->id, step, strerror(errno));
    return full ? STATUS_STORAGE_FULL : STATUS_INTERNAL;
}

static enum status open_body(struct request *request, struct upload *upload)
{
    const struct stream_context *context = request->context;
    const char *path = request_variable(request, "BODY_FILE");
    struct stat file;
    if (!*path)
        return request_refuse(request, STATUS_BAD_REQUEST, "the body is empty");
    if (!media_is_incoming(&context->media, path) || strlen(path) >= sizeof upload->path)
        return request_refuse(request, STATUS_INTERNAL, "the request did not come from nginx");
    snprintf(upload->path, sizeof upload->path, "%s", path);
    upload->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (upload->fd < 0 || fstat(upload->fd, &file) != 0)
        return fail(request, "open");
    upload->size = file.st_size;
    return STATUS_ANSWERED;
}

/* The fields that say what the body comes to. They are the same here: a body is one representation. */
static const char *const digest_fields[] = {"HTTP_CONTENT_DIGEST", "HTTP_REPR_DIGEST"};

enum status upload_check_digest_fields(struct request *request)
{
    struct digest digest;
    for (size_t i = 0; i < COUNT_OF(digest_fields); i++)
        if (digest_read_field(request_variable(request, digest_fields[i]), &digest) == DIGEST_MALFORMED)
            return request_refuse(request, STATUS_BAD_REQUEST, "the digest is not one of RFC 9530");
    return STATUS_ANSWERED;
}

static enum status check_digests(struct request *request, const struct upload *body)
{
    struct digest digest;
    for (size_t i = 0; i < COUNT_OF(digest_fields); i++) {
        bool same = true;
        if (digest_read_field(request_variable(request, digest_fields[i]), &digest) == DIGEST_GIVEN &&
            !digest_check(body->fd, body->size, &digest, &same))
            return fail(request, "read");
        if (!same)
            return request_refuse(request, STATUS_BAD_REQUEST, "the body is not what its digest says");
    }
    return STATUS_ANSWERED;
}

static bool copy_range(int from, off_t start, off_t length, int to)
{
    while (length > 0) {
        ssize_t copied = copy_file_range(from, &start, to, NULL, (size_t)length, 0);
        if (copied < 0 && errno == EINTR)
            continue;
        if (copied == 0)
            errno = EIO;
        if (copied <= 0)
            return false;
        length -= copied;
    }
    return true;
}

static enum status check_size(struct request *request, int64_t size)
{
    if (size == 0)
        return request_refuse(request, STATUS_BAD_REQUEST, "the file is empty");
    if (size > request->config->max_upload_bytes)
        return request_refuse(request, STATUS_TOO_LARGE, "the file is larger than an upload may be");
    return STATUS_ANSWERED;
}

/* Copies the part `file` of a multipart body to a file of its own. */
static enum status unwrap(struct request *request, const struct upload *body, const char *boundary,
                          struct upload *part)
{
    off_t start, length;
    switch (multipart_find_file(body->fd, body->size, boundary, &start, &length)) {
    case MULTIPART_FOUND: break;
    case MULTIPART_NO_FILE:
        return request_refuse(request, STATUS_BAD_REQUEST, "the form has no field named file");
    case MULTIPART_MALFORMED:
        return request_refuse(request, STATUS_BAD_REQUEST, "the body is not multipart/form-data");
    case MULTIPART_UNREADABLE: return fail(request, "read");
    }
    enum status status = check_size(request, length);
    if (status != STATUS_ANSWERED)
        return status;
    part->size = length;
    part->fd = media_create_part(body->path, part->path);
    if (part->fd < 0 || !copy_range(body->fd, start, length, part->fd))
        return fail(request, "copy");
    return STATUS_ANSWERED;
}

/* The file that was uploaded, however it was wrapped. */
static enum status receive(struct request *request, struct upload **upload)
{
    char boundary[MULTIPART_BOUNDARY_SIZE];
    struct upload *body = *upload = upload_new(request);
    enum status status = open_body(request, body);
    if (status == STATUS_ANSWERED)
        status = check_digests(request, body);
    if (status != STATUS_ANSWERED)
        return status;
    if (!multipart_type(request_variable(request, "CONTENT_TYPE"), boundary))
        return check_size(request, body->size);
    *upload = upload_new(request);
    return unwrap(request, body, boundary, *upload);
}

static enum status check_type(struct request *request, const struct upload *upload, const char **content_type)
{
    if (!container_type(upload->fd, upload->size, content_type))
        return fail(request, "read");
    if (!*content_type && request->config->upload_types == UPLOAD_ANY)
        *content_type = "video/mp4";
    if (*content_type)
        return STATUS_ANSWERED;
    return request_refuse(request, STATUS_UNSUPPORTED_MEDIA, "the file is neither MP4 nor WebM");
}

/* First the file, then the row that names it: at no moment does a row name a file that isn't whole. */
static enum status publish(struct request *request, const struct upload *upload, const char *key,
                           const char *content_type)
{
    const struct stream_context *context = request->context;
    bool kept;
    if (!media_publish(&context->media, upload->fd, upload->path, key))
        return fail(request, "publish");
    const struct video_file file = {key, content_type, upload->size};
    db_begin(request->db, request->arena); /* making a large file durable may have taken all the time */
    enum store_outcome outcome =
        file_store_publish(request->db, request->ids.vid, request->user_id, &file, &kept);
    if (!kept && !media_remove(&context->media, key))
        log_write(LOG_ERROR, "upload_left", "id=%s key=%s reason=\"%s\"", request->id, key, strerror(errno));
    return status_of_store(outcome);
}

/* 201; 403 and 404 as the gate says, should that have changed since; 413 and 415 for what the file is. */
enum status upload_video(struct request *request, struct response *response)
{
    struct upload *upload;
    const char *content_type;
    char id[PARAM_UUID_SIZE];
    if (!reservation_id(request, id))
        return request_refuse(request, STATUS_INTERNAL, "the request did not come from nginx");
    enum status status = receive(request, &upload);
    if (status == STATUS_ANSWERED)
        status = check_type(request, upload, &content_type);
    if (status == STATUS_ANSWERED)
        status = publish(request, upload, id, content_type);
    if (status != STATUS_ANSWERED) {
        reservation_cancel(request, id);
        return status;
    }
    struct json *json = response_json(response, 201);
    json_object(json);
    json_number(json, "id", request->ids.vid);
    json_number(json, "size", upload->size);
    json_text(json, "content_type", content_type);
    json_object_end(json);
    return STATUS_ANSWERED;
}
