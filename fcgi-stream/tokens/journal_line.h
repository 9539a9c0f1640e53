/* Parses a line of the journal that nginx writes (log_format journal). The functions
 * neither allocate nor log. */
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
    int64_t bytes_sent;                 /* of the response body */
    char token[BUCKET_TOKEN_SIZE];      /* "" when the response named none */
    char upload[MEDIA_CHUNK_NAME_SIZE]; /* ID.OFFSET if the body is a chunk, or "" */
    char body_file[MEDIA_PATH_SIZE];    /* "" when the request has no body file */
};

/* Parses a line without its line end. Returns false, with *out undefined, when the text
 * is not a line. */
WARN_UNUSED bool journal_line_parse(const char *text, size_t length, struct journal_line *out);

/* Parses nginx's $request_id, 32 hexadecimal digits. */
WARN_UNUSED bool journal_request_id(const char *text, size_t length,
                                    unsigned char id[BUCKET_REQUEST_ID_BYTES]);

/* Parses nginx's $msec, seconds with three decimals, into milliseconds. */
WARN_UNUSED bool journal_msec(const char *text, size_t length, int64_t *ms);

#endif
