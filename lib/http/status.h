/* The result of a handler, and how it looks to a client. One table joins the two
 * (status.c). */
#ifndef LIB_HTTP_STATUS_H
#define LIB_HTTP_STATUS_H

#include "lib/db/store.h"

enum status {
    STATUS_ANSWERED, /* the handler wrote the response */
    STATUS_BAD_REQUEST,
    STATUS_UNAUTHENTICATED,
    STATUS_FORBIDDEN,
    STATUS_NOT_FOUND,
    STATUS_METHOD_NOT_ALLOWED,
    STATUS_CONFLICT,
    STATUS_PRECONDITION_FAILED,
    STATUS_TOO_LARGE,
    STATUS_UNSUPPORTED_MEDIA,
    STATUS_CHECKSUM_MISMATCH, /* tus, checksum extension */
    STATUS_TOO_MANY_REQUESTS,
    STATUS_INTERNAL,
    STATUS_DB_FAILED,
    STATUS_DB_UNAVAILABLE,
    STATUS_UNAVAILABLE,
    STATUS_STORAGE_FULL,
    STATUS_COUNT
};

struct failure {
    int http;
    const char *title;      /* of the HTTP status */
    const char *error;      /* shown to people */
    const char *error_code; /* identifies the failure to programs */
    int retry_after_s;      /* 0: no Retry-After */
};

/* The row of a failure. Aborts on STATUS_ANSWERED. */
const struct failure *status_failure(enum status status);

/* The status for a store's outcome; STATUS_ANSWERED for STORE_DONE. */
enum status status_from_store(enum store_outcome outcome);

/* The reason phrase of an HTTP status; "" for one that the programs never send. */
const char *status_reason(int http);

#endif
