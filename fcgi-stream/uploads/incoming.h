/* An incoming file: a request body as nginx wrote it, or the file extracted from a form.
 * It is deleted at the end of the request unless it has been renamed by then. */
#ifndef FCGI_STREAM_UPLOADS_INCOMING_H
#define FCGI_STREAM_UPLOADS_INCOMING_H

#include "lib/http/request.h"
#include "lib/media/media.h"

struct incoming {
    int fd; /* -1: no file */
    char path[MEDIA_PATH_SIZE];
    int64_t size;
};

/* Returns a struct without a file (fd -1), which lives as long as the request's arena. */
struct incoming *incoming_new(struct request *request);

/* Opens the request's body. *body is NULL when the body is empty. Returns
 * STATUS_ANSWERED, or the failure with *body NULL. */
enum status incoming_open(struct request *request, struct incoming **body);

/* Logs that the system call of that step failed, with errno. Returns 507 when the disk is
 * full, otherwise 500. */
enum status incoming_fail(struct request *request, const char *step);

#endif
