/* Asked by nginx (auth_request) before it reads a byte of an upload's body. */
#include <string.h>

#include "file_store.h"
#include "stream.h"

/* The declared length against the limits; a chunked body declares none and is bounded by nginx. */
static enum status check_length(struct request *request)
{
    const char *text = request_variable(request, "CONTENT_LENGTH");
    int64_t length, max = request->config->max_upload_bytes + UPLOAD_HEADERS_MAX;
    if (!*text)
        return STATUS_ANSWERED;
    if (!param_number(text, strlen(text), INT64_MAX, &length) || length == 0)
        return request_refuse(request, STATUS_BAD_REQUEST, "the body is empty");
    if (length > max)
        return request_refuse(request, STATUS_TOO_LARGE, "the file is larger than an upload may be");
    return STATUS_ANSWERED;
}

/* 204: the body may come, and the upload has a token. */
enum status upload_gate(struct request *request, struct response *response)
{
    char token[BUCKET_TOKEN_SIZE];
    enum store_outcome outcome = file_store_check_author(request->db, request->ids.vid, request->user_id);
    if (outcome != STORE_DONE)
        return status_of_store(outcome);
    enum status status = check_length(request);
    if (status == STATUS_ANSWERED)
        status = token_take(request, BUCKET_UPLOAD, token);
    return status == STATUS_ANSWERED ? response_empty(response, 204) : status;
}
