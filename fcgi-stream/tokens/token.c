#include "fcgi-stream/tokens/token.h"

#include <string.h>

#include "fcgi-stream/context.h"
#include "fcgi-stream/tokens/journal_line.h"
#include "fcgi-stream/tokens/journal_wait.h"
#include "lib/base/client.h"
#include "lib/base/clock.h"
#include "lib/metrics/metrics.h"

/* True when nginx may have stopped waiting for the response: VS_STREAM_TIMEOUT, less a
 * margin for its way back, is over. nginx has then written the request's journal line, so
 * a token taken now would not be released. */
static bool is_late(const struct request *request)
{
    const char *text = request_variable(request, "REQUEST_MSEC");
    int64_t begin_ms, timeout_ms = request->config->stream_timeout_s * 1000;
    return journal_msec(text, strlen(text), &begin_ms) &&
           clock_unix_ms() - begin_ms > timeout_ms - timeout_ms / 6;
}

/* Uploads are limited per user, streams per session or, without one, per address. */
static uint64_t identify_client(const struct request *request, enum bucket_kind kind)
{
    if (request->user_id == 0)
        return client_from_address(request_variable(request, "REMOTE_ADDR"));
    return kind == BUCKET_UPLOAD ? client_from_user(request->user_id) : client_from_session(request->session);
}

static bool parse_holder(const struct request *request, enum bucket_kind kind, struct bucket_holder *holder)
{
    const char *pid = request_variable(request, "NGINX_PID");
    int64_t number;
    if (!journal_request_id(request->id, strlen(request->id), holder->request_id) ||
        !param_number(pid, strlen(pid), INT32_MAX, &number))
        return false;
    holder->nginx_pid = (pid_t)number;
    holder->client = identify_client(request, kind);
    holder->connection =
        connection_parse(request_variable(request, "PEER_ADDR"), request_variable(request, "PEER_PORT"),
                         request_variable(request, "SERVER_ADDR"), request_variable(request, "SERVER_PORT"));
    return true;
}

/* The number of threads of this process that serve the kind. */
static int64_t pool_threads(const struct request *request, enum bucket_kind kind)
{
    return kind == BUCKET_UPLOAD ? request->config->upload_threads : request->config->stream_threads;
}

/* The details of a 429: the server is at its limit, or the client is at its own. */
static const struct {
    const char *full, *client_full;
    enum metric metric;
} rejections[BUCKET_KINDS] = {
    [BUCKET_STREAM] = {"the server is at its streaming limit", "this client is at its streaming limit",
                       METRIC_STREAM_TOKENS_REJECTED},
    [BUCKET_UPLOAD] = {"the server is at its upload limit",
                       "this user is at the limit of simultaneous uploads", METRIC_UPLOAD_TOKENS_REJECTED},
};

static enum status reject(struct request *request, enum bucket_kind kind, const char *detail)
{
    metrics_add(rejections[kind].metric, 1);
    return request_refuse(request, STATUS_TOO_MANY_REQUESTS, detail);
}

/* When the bucket is full, retries after the pending journal lines have been applied. At
 * most half of the threads wait, so that the others keep answering when the supervisor
 * does not read. */
static enum bucket_outcome acquire(const struct request *request, enum bucket_kind kind,
                                   const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE])
{
    struct stream_context *context = request->context;
    if (bucket_acquire(context->bucket, kind, holder, token) == BUCKET_TAKEN)
        return BUCKET_TAKEN;
    if (atomic_fetch_add(&context->waiting, 1) < (pool_threads(request, kind) + 1) / 2)
        journal_wait(request->config, context->bucket);
    atomic_fetch_sub(&context->waiting, 1);
    return bucket_acquire(context->bucket, kind, holder, token);
}

enum status token_take(struct request *request, enum bucket_kind kind, char token[BUCKET_TOKEN_SIZE])
{
    struct stream_context *context = request->context;
    struct bucket_holder holder = {0};
    if (is_late(request))
        return request_refuse(request, STATUS_UNAVAILABLE, "the request waited too long for a worker");
    if (!parse_holder(request, kind, &holder))
        return request_refuse(request, STATUS_INTERNAL, "the request did not come from nginx");
    if (kind == BUCKET_STREAM)
        holder.video_id = request->ids.vid;
    switch (acquire(request, kind, &holder, token)) {
    case BUCKET_TAKEN: break;
    case BUCKET_FULL: return reject(request, kind, rejections[kind].full);
    case BUCKET_CLIENT_FULL: return reject(request, kind, rejections[kind].client_full);
    }
    if (!is_late(request))
        return STATUS_ANSWERED;
    /* The process was suspended between the two checks. */
    bucket_release(context->bucket, token, NULL);
    return request_refuse(request, STATUS_UNAVAILABLE, "the request waited too long for a worker");
}
