/* All SQL of fcgi-api, by name. */
#ifndef FCGI_API_API_STATEMENTS_H
#define FCGI_API_API_STATEMENTS_H

#include "lib/db/db.h"

enum statement {
    SECRET_FIND,
    IDEMPOTENCY_CLAIM,
    IDEMPOTENCY_FIND,
    IDEMPOTENCY_SAVE,
    SESSION_FIND,
    SESSION_CREATE,
    SESSION_DELETE,
    SESSION_DELETE_BY_ID,
    SESSION_LIST,
    USER_CREATE,
    USER_CREATE_IDEMPOTENT,
    USER_GET,
    USER_FIND,
    USER_ACCOUNT,
    USER_REHASH,
    USER_CHANGE_PASSWORD,
    VIDEO_LIST,
    VIDEO_LIST_READY,
    VIDEO_SEARCH,
    VIDEO_LIST_OF_USER,
    VIDEO_GET,
    VIDEO_CREATE,
    VIDEO_EDIT,
    VIDEO_DELETE,
    COMMENT_LIST,
    COMMENT_CREATE,
    COMMENT_DELETE,
    DELETION_COUNT,
    READY,
    STATEMENT_COUNT
};

/* How many columns of a row make a video. */
enum { VIDEO_COLUMN_COUNT = 11 };

extern const struct db_statement api_statements[STATEMENT_COUNT];

#endif
