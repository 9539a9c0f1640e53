#include <string.h>
#include <unistd.h>

#include "fcgi-stream/posters/poster.h"

#include "fcgi-stream/delivery/delivery.h"
#include "fcgi-stream/posters/image_type.h"
#include "fcgi-stream/posters/poster_store.h"
#include "fcgi-stream/uploads/publication.h"
#include "fcgi-stream/uploads/reservation.h"

enum { POSTER_MAX = 512 * 1024 };

static enum status check_size(struct request *request, int64_t size)
{
    if (size == 0)
        return request_refuse(request, STATUS_BAD_REQUEST, "the poster is empty");
    if (size > POSTER_MAX)
        return request_refuse(request, STATUS_TOO_LARGE, "the poster is larger than 512 KiB");
    return STATUS_ANSWERED;
}

/* A body without a declared length is bounded by nginx and checked after it has arrived.
 * Posters count towards the user's quota; otherwise many small ones could evade it. */
enum status poster_gate(struct request *request, struct response *response)
{
    const char *text = request_variable(request, "CONTENT_LENGTH");
    int64_t length = POSTER_MAX;
    enum store_outcome outcome = file_store_check_author(request->db, request->ids.vid, request->user_id);
    enum status status = status_from_store(outcome);
    if (status == STATUS_ANSWERED && *text)
        status = param_number(text, strlen(text), INT64_MAX, &length) ? check_size(request, length)
                                                                      : STATUS_BAD_REQUEST;
    if (status == STATUS_ANSWERED)
        status = reservation_make(request, UPLOAD_POSTER, length);
    return status == STATUS_ANSWERED ? response_empty(response, 204) : status;
}

static enum status check_type(struct request *request, const struct incoming *body, const char **content_type)
{
    unsigned char head[IMAGE_TYPE_HEAD_BYTES];
    ssize_t length = pread(body->fd, head, sizeof head, 0);
    if (length < 0)
        return incoming_fail(request, "read");
    *content_type = image_type_detect(head, (size_t)length, body->size);
    return *content_type
               ? STATUS_ANSWERED
               : request_refuse(request, STATUS_UNSUPPORTED_MEDIA, "the poster is neither JPEG nor WebP");
}

enum status poster_put(struct request *request, struct response *response)
{
    struct incoming *body;
    const char *content_type = NULL;
    char id[PARAM_UUID_SIZE];
    if (!reservation_id(request, id))
        return request_refuse(request, STATUS_INTERNAL, "the request did not come from nginx");
    enum status status = incoming_open(request, &body);
    if (status == STATUS_ANSWERED)
        status = check_size(request, body ? body->size : 0);
    if (status == STATUS_ANSWERED && body)
        status = check_type(request, body, &content_type);
    if (status == STATUS_ANSWERED)
        status = publication_make(request, response, body, id, content_type, poster_store_put);
    if (status != STATUS_ANSWERED)
        reservation_cancel(request, id);
    return status;
}

enum status poster_get(struct request *request, struct response *response)
{
    struct video_file file;
    enum store_outcome outcome = poster_store_get(request->db, request->ids.vid, &file);
    return outcome == STORE_DONE ? delivery_send(request, response, &file) : status_from_store(outcome);
}
