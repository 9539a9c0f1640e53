#include "fcgi-stream/delivery/delivery.h"

#include "fcgi-stream/context.h"
#include "fcgi-stream/delivery/small_files.h"
#include "lib/base/clock.h"

/* Request headers that only nginx evaluates, for files that it sends itself. */
static const char *const conditions[] = {
    "HTTP_RANGE", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE",
};

static bool is_unconditional(const struct request *request)
{
    for (size_t i = 0; i < COUNT_OF(conditions); i++)
        if (request_find(request, conditions[i]))
            return false;
    return true;
}

/* The headers that nginx sends with a file; see ngx_http_set_etag() for the entity
 * tag. */
static void write_file_headers(struct response *response, time_t modified, int64_t size)
{
    char date[CLOCK_HTTP_SIZE];
    response_header(response, "Last-Modified", clock_http(modified, date));
    buffer_printf(&response->headers, "ETag: \"%llx-%llx\"\r\n", (unsigned long long)modified,
                  (unsigned long long)size);
    response_header(response, "Accept-Ranges", "bytes");
}

static bool send_small(const struct request *request, struct response *response,
                       const struct video_file *file)
{
    const struct stream_context *context = request->context;
    time_t modified;
    if (file->size > SMALL_FILE_MAX || !is_unconditional(request) ||
        !small_files_read(context->small_files, &context->media, file->key, (size_t)file->size,
                          &response->body, &modified))
        return false;
    write_file_headers(response, modified, file->size);
    return true;
}

enum status delivery_send(const struct request *request, struct response *response,
                          const struct video_file *file)
{
    char name[MEDIA_NAME_SIZE];
    response_header(response, "Content-Type", file->content_type);
    if (send_small(request, response, file))
        return response_empty(response, 200);
    media_name(file->key, name);
    buffer_printf(&response->headers, "X-Accel-Redirect: /-media/%s\r\n", name);
    response->last = true;
    return response_empty(response, 200);
}
