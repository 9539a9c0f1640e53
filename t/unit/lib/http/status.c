#include "lib/http/status.h"

#include <string.h>

#include "t/unit/tap.h"

/* The HTTP status, error code and error of each status, as clients know them. */
static const struct {
    int http;
    const char *error_code, *error;
} contract[STATUS_COUNT] = {
    [STATUS_BAD_REQUEST] = {400, "001", "Request body is not correct"},
    [STATUS_UNAUTHENTICATED] = {401, "003", "User authentication failed"},
    [STATUS_FORBIDDEN] = {403, "006", "Forbidden"},
    [STATUS_NOT_FOUND] = {404, "007", "Not found"},
    [STATUS_METHOD_NOT_ALLOWED] = {405, "009", "Method not allowed"},
    [STATUS_CONFLICT] = {409, "008", "Conflict"},
    [STATUS_PRECONDITION_FAILED] = {412, "008", "Conflict"},
    [STATUS_TOO_LARGE] = {413, "002", "File size error"},
    [STATUS_UNSUPPORTED_MEDIA] = {415, "010", "Unsupported media type"},
    [STATUS_CHECKSUM_MISMATCH] = {460, "001", "Request body is not correct"},
    [STATUS_TOO_MANY_REQUESTS] = {429, "011", "Too many requests"},
    [STATUS_INTERNAL] = {500, "005", "Internal service error"},
    [STATUS_DB_FAILED] = {500, "004", "DB ops failed"},
    [STATUS_DB_UNAVAILABLE] = {503, "004", "DB ops failed"},
    [STATUS_UNAVAILABLE] = {503, "012", "Service unavailable"},
    [STATUS_STORAGE_FULL] = {507, "013", "Insufficient storage"},
};

static void test_rows(void)
{
    for (enum status status = STATUS_ANSWERED + 1; status < STATUS_COUNT; status++) {
        if (!ok(contract[status].http != 0, "status %d is tested", (int)status))
            continue;
        const struct failure *failure = status_failure(status);
        is_int(failure->http, contract[status].http, "the HTTP status is as documented");
        is_text(failure->error_code, contract[status].error_code, "the error code is as documented");
        is_text(failure->error, contract[status].error, "the error is as documented");
        ok(failure->title && failure->title[0], "the status has a title");
        bool has_retry_after = failure->http == 429 || failure->http == 503;
        is_int(failure->retry_after_s > 0, has_retry_after, "429 and 503 have Retry-After, others do not");
    }
}

static void test_reasons(void)
{
    is_text(status_reason(200), "OK", "200 has its reason");
    is_text(status_reason(201), "Created", "201 has its reason");
    is_text(status_reason(204), "No Content", "204 has its reason");
    is_text(status_reason(205), "Reset Content", "205 has its reason");
    is_text(status_reason(304), "Not Modified", "304 has its reason");
    for (enum status status = STATUS_ANSWERED + 1; status < STATUS_COUNT; status++) {
        const struct failure *failure = status_failure(status);
        is_text(status_reason(failure->http), failure->title, "the reason of %d is its title", failure->http);
    }
    is_text(status_reason(299), "", "a status that is never sent has no reason");
    is_text(status_reason(0), "", "status 0 has no reason");
}

static void test_store_outcomes(void)
{
    is_int(status_from_store(STORE_DONE), STATUS_ANSWERED, "STORE_DONE becomes STATUS_ANSWERED");
    is_int(status_from_store(STORE_MISSING), STATUS_NOT_FOUND, "STORE_MISSING becomes 404");
    is_int(status_from_store(STORE_FORBIDDEN), STATUS_FORBIDDEN, "STORE_FORBIDDEN becomes 403");
    is_int(status_from_store(STORE_CONFLICT), STATUS_CONFLICT, "STORE_CONFLICT becomes 409");
    is_int(status_from_store(STORE_CHANGED), STATUS_PRECONDITION_FAILED, "STORE_CHANGED becomes 412");
    is_int(status_from_store(STORE_FAILED), STATUS_DB_FAILED, "STORE_FAILED becomes 500");
    is_int(status_from_store(STORE_UNAVAILABLE), STATUS_DB_UNAVAILABLE, "STORE_UNAVAILABLE becomes 503");
}

int main(void)
{
    test_store_outcomes();
    test_rows();
    test_reasons();
    return done_testing();
}
