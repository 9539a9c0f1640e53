#include "fcgi-stream/uploads/reservation.h"

#include <errno.h>
#include <string.h>
#include <uuid/uuid.h>

#include "fcgi-stream/context.h"
#include "fcgi-stream/tokens/journal_line.h"
#include "fcgi-stream/tokens/token.h"
#include "lib/base/log.h"

bool reservation_id(const struct request *request, char id[PARAM_UUID_SIZE])
{
    unsigned char bytes[BUCKET_REQUEST_ID_BYTES];
    if (!journal_request_id(request->id, strlen(request->id), bytes))
        return false;
    uuid_unparse_lower(bytes, id);
    return true;
}

struct search {
    unsigned char request_id[BUCKET_REQUEST_ID_BYTES];
    bool found;
};

static void compare_request(const struct bucket_holder *holder, int64_t age_ms, void *argument)
{
    struct search *search = argument;
    (void)age_ms;
    if (memcmp(holder->request_id, search->request_id, BUCKET_REQUEST_ID_BYTES) == 0)
        search->found = true;
}

/* Whether the request that makes the upload is in progress, that is, holds its token. */
static bool is_in_progress(const struct bucket *bucket, const char *id)
{
    struct search search = {.found = false};
    char digits[2 * BUCKET_REQUEST_ID_BYTES];
    size_t used = 0;
    for (const char *at = id; *at && used < sizeof digits; at++)
        if (*at != '-')
            digits[used++] = *at;
    if (journal_request_id(digits, used, search.request_id))
        bucket_each(bucket, BUCKET_UPLOAD, compare_request, &search);
    return search.found;
}

enum store_outcome reservation_reclaim(struct db *db, const struct stream_context *context, int *count)
{
    struct db_rows rows;
    *count = 0;
    enum store_outcome outcome = upload_store_list_direct(db, &rows);
    for (int i = 0; outcome == STORE_DONE && i < rows.count; i++) {
        const char *id = db_text(&rows, i, 0);
        if (is_in_progress(context->bucket, id))
            continue;
        outcome =
            media_exists(&context->media, id) ? upload_store_abandon(db, id) : upload_store_cancel(db, id);
        ++*count;
        log_write(LOG_INFO, "reservation_reclaimed", "id=%s", id);
    }
    return outcome;
}

static enum status reject(struct request *request, enum upload_admission admission)
{
    static const struct {
        enum status status;
        const char *detail;
    } rejections[] = {
        [UPLOAD_OVER_BYTES] = {STATUS_STORAGE_FULL, "the upload exceeds the user's storage quota"},
        [UPLOAD_OVER_VIDEOS] = {STATUS_STORAGE_FULL, "the user has the maximum number of videos"},
        [UPLOAD_DISK_FULL] = {STATUS_STORAGE_FULL, "the disk is full"},
        [UPLOAD_OVER_UPLOADS] = {STATUS_TOO_MANY_REQUESTS,
                                 "too many unfinished uploads; finish or cancel one"},
    };
    return request_refuse(request, rejections[admission].status, rejections[admission].detail);
}

static enum status reserve_bytes(struct request *request, enum upload_kind kind, int64_t bytes)
{
    const struct stream_context *context = request->context;
    char id[PARAM_UUID_SIZE];
    int64_t free_bytes;
    if (!reservation_id(request, id))
        return request_refuse(request, STATUS_INTERNAL, "the request did not come from nginx");
    if (!media_free_bytes(&context->media, &free_bytes)) {
        log_write(LOG_ERROR, "statvfs_failed", "id=%s reason=\"%s\"", request->id, strerror(errno));
        return STATUS_INTERNAL;
    }
    const struct upload_demand demand = {
        .id = id,
        .video_id = request->ids.vid,
        .user_id = request->user_id,
        .bytes = bytes,
        .kind = kind,
        .disk_bytes = free_bytes - request->config->disk_headroom_bytes,
    };
    enum upload_admission admission = UPLOAD_DISK_FULL;
    int reclaimed;
    enum store_outcome outcome = upload_store_reserve(request->db, request->config, &demand, &admission);
    if (outcome == STORE_DONE && admission != UPLOAD_ADMITTED &&
        reservation_reclaim(request->db, context, &reclaimed) == STORE_DONE && reclaimed > 0)
        outcome = upload_store_reserve(request->db, request->config, &demand, &admission);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    return admission == UPLOAD_ADMITTED ? STATUS_ANSWERED : reject(request, admission);
}

enum status reservation_make(struct request *request, enum upload_kind kind, int64_t bytes)
{
    const struct stream_context *context = request->context;
    char token[BUCKET_TOKEN_SIZE];
    enum status status = token_take(request, BUCKET_UPLOAD, token);
    if (status != STATUS_ANSWERED)
        return status;
    status = reserve_bytes(request, kind, bytes);
    if (status != STATUS_ANSWERED)
        bucket_release(context->bucket, token, NULL);
    return status;
}

void reservation_cancel(struct request *request, const char *id)
{
    if (upload_store_cancel(request->db, id) != STORE_DONE)
        log_write(LOG_INFO, "reservation_not_cancelled", "id=%s", id);
}
