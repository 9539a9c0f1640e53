#include "lib/http/status.h"

#include <stdlib.h>

static const struct failure failures[STATUS_COUNT] = {
    [STATUS_BAD_REQUEST] = {400, "Bad Request", "Request body is not correct", "001", 0},
    [STATUS_UNAUTHENTICATED] = {401, "Unauthorized", "User authentication failed", "003", 0},
    [STATUS_FORBIDDEN] = {403, "Forbidden", "Forbidden", "006", 0},
    [STATUS_NOT_FOUND] = {404, "Not Found", "Not found", "007", 0},
    [STATUS_METHOD_NOT_ALLOWED] = {405, "Method Not Allowed", "Method not allowed", "009", 0},
    [STATUS_CONFLICT] = {409, "Conflict", "Conflict", "008", 0},
    [STATUS_PRECONDITION_FAILED] = {412, "Precondition Failed", "Conflict", "008", 0},
    [STATUS_TOO_LARGE] = {413, "Content Too Large", "File size error", "002", 0},
    [STATUS_UNSUPPORTED_MEDIA] = {415, "Unsupported Media Type", "Unsupported media type", "010", 0},
    [STATUS_CHECKSUM_MISMATCH] = {460, "Checksum Mismatch", "Request body is not correct", "001", 0},
    [STATUS_TOO_MANY_REQUESTS] = {429, "Too Many Requests", "Too many requests", "011", 1},
    [STATUS_INTERNAL] = {500, "Internal Server Error", "Internal service error", "005", 0},
    [STATUS_DB_FAILED] = {500, "Internal Server Error", "DB ops failed", "004", 0},
    [STATUS_DB_UNAVAILABLE] = {503, "Service Unavailable", "DB ops failed", "004", 1},
    [STATUS_UNAVAILABLE] = {503, "Service Unavailable", "Service unavailable", "012", 1},
    [STATUS_STORAGE_FULL] = {507, "Insufficient Storage", "Insufficient storage", "013", 0},
};

const struct failure *status_failure(enum status status)
{
    if (status >= STATUS_COUNT || failures[status].http == 0)
        abort();
    return &failures[status];
}

const char *status_reason(int http)
{
    switch (http) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 304: return "Not Modified";
    default: break;
    }
    for (enum status status = STATUS_ANSWERED + 1; status < STATUS_COUNT; status++)
        if (failures[status].http == http)
            return failures[status].title;
    return "";
}

enum status status_from_store(enum store_outcome outcome)
{
    static const enum status statuses[STORE_OUTCOME_COUNT] = {
        [STORE_DONE] = STATUS_ANSWERED,
        [STORE_MISSING] = STATUS_NOT_FOUND,
        [STORE_FORBIDDEN] = STATUS_FORBIDDEN,
        [STORE_CONFLICT] = STATUS_CONFLICT,
        [STORE_CHANGED] = STATUS_PRECONDITION_FAILED,
        [STORE_FAILED] = STATUS_DB_FAILED,
        [STORE_UNAVAILABLE] = STATUS_DB_UNAVAILABLE,
    };
    return statuses[outcome];
}
