/* Asked by nginx (auth_request) before it reads a byte of an upload's body. */
#include <string.h>

#include "file_store.h"
#include "reservation.h"

/* The declared length against the limits. A chunked body declares none, is bounded by nginx, and may be as large
 * as any. */
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
        return request_refuse(request, STATUS_TOO_LARGE, "the file is larger than an upload may be");
    *bytes = length;
    return STATUS_ANSWERED;
}

/* 204: the body may come, and what the upload needs is set aside. */
enum status upload_gate(struct request *request, struct response *response)
{
    int64_t bytes;
    enum store_outcome outcome = file_store_check_author(request->db, request->ids.vid, request->user_id);
    if (outcome != STORE_DONE)
        return status_of_store(outcome);
    enum status status = check_length(request, &bytes);
    if (status == STATUS_ANSWERED)
        status = upload_check_digest_fields(request);
    if (status == STATUS_ANSWERED)
        status = reservation_make(request, bytes);
    return status == STATUS_ANSWERED ? response_empty(response, 204) : status;
}
