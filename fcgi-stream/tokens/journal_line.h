/* One line of the journal that nginx writes for each finished request (log_format journal). */
#ifndef FCGI_STREAM_TOKENS_JOURNAL_LINE_H
#define FCGI_STREAM_TOKENS_JOURNAL_LINE_H

#include <stddef.h>

#include "fcgi-stream/tokens/bucket.h"
#include "lib/base/compiler.h"
#include "lib/media/media.h"
#include "lib/media/media_upload.h"

struct journal_line {
    unsigned char request_id[BUCKET_REQUEST_ID_BYTES];
    int64_t time_ms; /* since 1970 */
    int64_t status;
    int64_t bytes_sent;            /* of the body */
    char token[BUCKET_TOKEN_SIZE]; /* "" when the answer named none */
    char upload
        [MEDIA_CHUNK_NAME_SIZE]; /* the piece of a resumable upload that the body is; "" when it is none */
    char body_file[MEDIA_PATH_SIZE]; /* "" when no body was written to a file */
};

/* Reads a line, without its line end. False when it isn't one; out is then undefined. */
WARN_UNUSED bool journal_line_parse(const char *text, size_t length, struct journal_line *out);

/* Reads nginx's $request_id, 32 hexadecimal digits. */
WARN_UNUSED bool journal_request_id(const char *text, size_t length,
                                    unsigned char id[BUCKET_REQUEST_ID_BYTES]);

/* Reads nginx's $msec, seconds with three places behind the point, into milliseconds. */
WARN_UNUSED bool journal_msec(const char *text, size_t length, int64_t *ms);

#endif
