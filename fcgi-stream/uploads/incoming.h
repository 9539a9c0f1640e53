/* A file that is on its way in: the body of a request as nginx wrote it, or what was taken out of that. It goes
 * with the request unless it has got another name by then. */
#ifndef FCGI_STREAM_UPLOADS_INCOMING_H
#define FCGI_STREAM_UPLOADS_INCOMING_H

#include "lib/http/request.h"
#include "lib/media/media.h"

struct incoming {
    int fd; /* -1: none */
    char path[MEDIA_PATH_SIZE];
    int64_t size;
};

/* None yet. It lives as long as the request. */
struct incoming *incoming_new(struct request *request);

/* Opens the request's body; there is none, and *body is NULL, when it is empty. */
enum status incoming_open(struct request *request, struct incoming **body);

/* A system call failed: says so in the log, and a full disk to the client too. */
enum status incoming_fail(struct request *request, const char *step);

#endif
