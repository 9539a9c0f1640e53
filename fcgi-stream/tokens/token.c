#include "fcgi-stream/tokens/token.h"

#include <string.h>

#include "fcgi-stream/context.h"
#include "fcgi-stream/tokens/journal_line.h"
#include "fcgi-stream/tokens/journal_wait.h"
#include "lib/base/client.h"
#include "lib/base/clock.h"
#include "lib/metrics/metrics.h"

/* True when the request has waited for so long that nginx may not wait any more (VS_STREAM_TIMEOUT, less some
 * time for the answer's way): then nginx logs it, and what is taken after that would never come back. */
static bool is_late(const struct request *request)
{
    const char *text = request_variable(request, "REQUEST_MSEC");
    int64_t begin_ms, timeout_ms = request->config->stream_timeout_s * 1000;
    return journal_msec(text, strlen(text), &begin_ms) &&
           clock_unix_ms() - begin_ms > timeout_ms - timeout_ms / 6;
}

/* Somebody who uploads is a user, whose sessions count as one; of viewers each session is one of its own. */
static uint64_t client(const struct request *request, enum bucket_kind kind)
{
    if (request->user_id == 0)
        return client_from_address(request_variable(request, "REMOTE_ADDR"));
    return kind == BUCKET_UPLOAD ? client_from_user(request->user_id) : client_from_session(request->session);
}

static bool read_holder(const struct request *request, enum bucket_kind kind, struct bucket_holder *holder)
{
    const char *pid = request_variable(request, "NGINX_PID");
    int64_t number;
    if (!journal_request_id(request->id, strlen(request->id), holder->request_id) ||
        !param_number(pid, strlen(pid), INT32_MAX, &number))
        return false;
    holder->nginx_pid = (pid_t)number;
    holder->client = client(request, kind);
    holder->connection =
        connection_parse(request_variable(request, "PEER_ADDR"), request_variable(request, "PEER_PORT"),
                         request_variable(request, "SERVER_ADDR"), request_variable(request, "SERVER_PORT"));
    return true;
}

/* How many threads of this process serve the kind. */
static int64_t threads(const struct request *request, enum bucket_kind kind)
{
    return kind == BUCKET_UPLOAD ? request->config->upload_threads : request->config->stream_threads;
}

/* What a client is told when there is no token for it: none at all, or none for this client. */
static const struct {
    const char *full, *client_full;
    enum metric count;
} refusals[BUCKET_KINDS] = {
    [BUCKET_STREAM] = {"as many videos are being sent as may be",
                       "this client has as many streams as one may have", METRIC_STREAM_TOKENS_REJECTED},
    [BUCKET_UPLOAD] = {"as many uploads are being received as may be",
                       "as many uploads of this user are being received as may be",
                       METRIC_UPLOAD_TOKENS_REJECTED},
};

static enum status refuse(struct request *request, enum bucket_kind kind, const char *detail)
{
    metrics_add(refusals[kind].count, 1);
    return request_refuse(request, STATUS_TOO_MANY_REQUESTS, detail);
}

/* A token is back when its line is in the journal, whether that has been read yet or not. Half of the threads may wait for
 * that, so that others are answered should nobody read it. */
static enum bucket_outcome acquire(const struct request *request, enum bucket_kind kind,
                                   const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE])
{
    struct stream_context *context = request->context;
    if (bucket_acquire(context->bucket, kind, holder, token) == BUCKET_TAKEN)
        return BUCKET_TAKEN;
    if (atomic_fetch_add(&context->waiting, 1) < (threads(request, kind) + 1) / 2)
        journal_wait(request->config, context->bucket);
    atomic_fetch_sub(&context->waiting, 1);
    return bucket_acquire(context->bucket, kind, holder, token);
}

enum status token_take(struct request *request, enum bucket_kind kind, char token[BUCKET_TOKEN_SIZE])
{
    struct stream_context *context = request->context;
    struct bucket_holder holder = {0};
    if (is_late(request))
        return request_refuse(request, STATUS_UNAVAILABLE, "the request waited for too long");
    if (!read_holder(request, kind, &holder))
        return request_refuse(request, STATUS_INTERNAL, "the request did not come from nginx");
    if (kind == BUCKET_STREAM)
        holder.video_id = request->ids.vid;
    switch (acquire(request, kind, &holder, token)) {
    case BUCKET_TAKEN: break;
    case BUCKET_FULL: return refuse(request, kind, refusals[kind].full);
    case BUCKET_CLIENT_FULL: return refuse(request, kind, refusals[kind].client_full);
    }
    if (!is_late(request))
        return STATUS_ANSWERED;
    /* This process was stopped for a while just now. */
    bucket_release(context->bucket, token, NULL);
    return request_refuse(request, STATUS_UNAVAILABLE, "the request waited for too long");
}
