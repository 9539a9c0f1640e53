/* What may become a video's film, however it has come. */
#ifndef FCGI_STREAM_UPLOADS_VIDEO_TYPE_H
#define FCGI_STREAM_UPLOADS_VIDEO_TYPE_H

#include "lib/http/request.h"

/* What kind of video the file is: 415 when it is none that is taken. */
enum status video_type_check(struct request *request, int fd, int64_t size, const char **content_type);

#endif
