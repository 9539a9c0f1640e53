#include "fcgi-stream/uploads/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi-stream/context.h"
#include "lib/base/log.h"
#include "lib/metrics/metrics.h"

static void discard_file(void *object)
{
    struct incoming *incoming = object;
    if (incoming->fd < 0)
        return;
    media_discard(incoming->fd, incoming->path);
    close(incoming->fd);
}

struct incoming *incoming_new(struct request *request)
{
    struct incoming *incoming = arena_alloc(request->arena, sizeof *incoming);
    *incoming = (struct incoming){.fd = -1};
    arena_defer(request->arena, discard_file, incoming);
    return incoming;
}

enum status incoming_fail(struct request *request, const char *step)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    log_write(LOG_ERROR, "upload_failed", "id=%s step=%s reason=\"%s\"", request->id, step, strerror(errno));
    return full ? STATUS_STORAGE_FULL : STATUS_INTERNAL;
}

enum status incoming_open(struct request *request, struct incoming **body)
{
    const struct stream_context *context = request->context;
    const char *path = request_variable(request, "BODY_FILE");
    struct stat file;
    *body = NULL;
    if (!*path)
        return STATUS_ANSWERED;
    if (!media_is_incoming(&context->media, path) || strlen(path) >= sizeof(*body)->path)
        return request_refuse(request, STATUS_INTERNAL, "the request did not come from nginx");
    struct incoming *incoming = incoming_new(request);
    snprintf(incoming->path, sizeof incoming->path, "%s", path);
    incoming->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (incoming->fd < 0 || fstat(incoming->fd, &file) != 0)
        return incoming_fail(request, "open");
    incoming->size = file.st_size;
    metrics_add(METRIC_UPLOAD_BYTES, incoming->size);
    *body = incoming->size > 0 ? incoming : NULL;
    return STATUS_ANSWERED;
}
