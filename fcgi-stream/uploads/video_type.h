/* The check that an uploaded file is a video, for all kinds of upload. */
#ifndef FCGI_STREAM_UPLOADS_VIDEO_TYPE_H
#define FCGI_STREAM_UPLOADS_VIDEO_TYPE_H

#include "lib/http/request.h"

/* Sets *content_type to the file's media type; with VS_UPLOAD_TYPES=any that of an
 * unknown file is video/mp4. Returns 415 when the file is not accepted, 500 when it can't
 * be read. */
enum status video_type_check(struct request *request, int fd, int64_t size, const char **content_type);

#endif
