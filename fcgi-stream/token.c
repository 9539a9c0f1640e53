#include <string.h>

#include "client.h"
#include "clock.h"
#include "journal_line.h"
#include "stream.h"

/* nginx waits for 30 s (fastcgi_read_timeout), then it logs the request, and what is taken after that would
 * never be given back. */
enum { NGINX_PATIENCE_MS = 25 * 1000 };

/* True when the request has waited for so long that nginx may not wait any more. */
static bool is_late(const struct request *request)
{
    const char *text = request_variable(request, "REQUEST_MSEC");
    int64_t begin_ms;
    return journal_msec(text, strlen(text), &begin_ms) && clock_unix_ms() - begin_ms > NGINX_PATIENCE_MS;
}

static bool read_holder(const struct request *request, struct bucket_holder *holder)
{
    const char *pid = request_variable(request, "NGINX_PID");
    int64_t number;
    if (!journal_request_id(request->id, strlen(request->id), holder->request_id) ||
        !param_number(pid, strlen(pid), INT32_MAX, &number))
        return false;
    holder->nginx_pid = (pid_t)number;
    holder->client = client_of_address(request_variable(request, "REMOTE_ADDR"));
    return true;
}

enum status token_take(struct request *request, enum bucket_kind kind, char token[BUCKET_TOKEN_SIZE])
{
    struct stream_context *context = request->context;
    struct bucket_holder holder = {0};
    if (is_late(request))
        return request_refuse(request, STATUS_UNAVAILABLE, "the request waited for too long");
    if (!read_holder(request, &holder))
        return request_refuse(request, STATUS_INTERNAL, "the request did not come from nginx");
    switch (bucket_acquire(context->bucket, kind, &holder, token)) {
    case BUCKET_TAKEN: return STATUS_ANSWERED;
    case BUCKET_CLIENT_FULL:
        return request_refuse(request, STATUS_TOO_MANY_REQUESTS,
                              "this client has as many streams as one may have");
    case BUCKET_FULL: break;
    }
    return request_refuse(request, STATUS_TOO_MANY_REQUESTS,
                          kind == BUCKET_STREAM ? "as many videos are being sent as may be"
                                                : "as many uploads are being received as may be");
}
