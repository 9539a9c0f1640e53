/* All SQL statements of fcgi-stream, by name. */
#ifndef FCGI_STREAM_STREAM_STATEMENTS_H
#define FCGI_STREAM_STREAM_STATEMENTS_H

#include "lib/db/db.h"

enum statement {
    SESSION_FIND,
    VIDEO_FILE,
    VIDEO_AUTHOR,
    UPLOAD_PUBLISH,
    UPLOAD_RESERVE,
    UPLOAD_CANCEL,
    UPLOAD_ABANDON,
    UPLOAD_DIRECT,
    UPLOAD_BEGIN,
    UPLOAD_GET,
    UPLOAD_TOUCH,
    UPLOAD_DELETE,
    POSTER_GET,
    POSTER_PUT,
    VIEW_POSITION,
    VIEW_FORGET,
    VIEW_COUNT,
    STATEMENT_COUNT
};

extern const struct db_statement stream_statements[STATEMENT_COUNT];

#endif
