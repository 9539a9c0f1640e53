#include "fcgi-stream/uploads/video_type.h"

#include "fcgi-stream/uploads/container.h"
#include "fcgi-stream/uploads/incoming.h"

enum status video_type_check(struct request *request, int fd, int64_t size, const char **content_type)
{
    if (!container_type(fd, size, content_type))
        return incoming_fail(request, "read");
    if (!*content_type && request->config->upload_types == UPLOAD_ANY)
        *content_type = "video/mp4";
    if (*content_type)
        return STATUS_ANSWERED;
    return request_refuse(request, STATUS_UNSUPPORTED_MEDIA, "the file is neither MP4 nor WebM");
}
