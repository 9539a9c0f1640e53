#include "film.h"

#include "container.h"
#include "incoming.h"

enum status film_check_type(struct request *request, int fd, int64_t size, const char **content_type)
{
    if (!container_type(fd, size, content_type))
        return incoming_fail(request, "read");
    if (!*content_type && request->config->upload_types == UPLOAD_ANY)
        *content_type = "video/mp4";
    if (*content_type)
        return STATUS_ANSWERED;
    return request_refuse(request, STATUS_UNSUPPORTED_MEDIA, "the file is neither MP4 nor WebM");
}
