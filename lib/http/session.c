#include "lib/http/session.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "lib/base/list.h"
#include "lib/base/origin.h"
#include "lib/db/store.h"

enum { TOKEN_BYTES = 32 };

void session_create_token(char token[SESSION_TOKEN_SIZE])
{
    unsigned char bytes[TOKEN_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(token, SESSION_TOKEN_SIZE, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool session_hash(const char *token, unsigned char hash[SESSION_HASH_SIZE])
{
    size_t length = strlen(token);
    if (length != SESSION_TOKEN_SIZE - 1)
        return false;
    crypto_hash_sha256(hash, (const unsigned char *)token, length);
    return true;
}

static bool find_cookie(const struct request *request, const char *name, const char **value, size_t *length)
{
    return param_cookie(request_variable(request, "HTTP_COOKIE"), name, value, length);
}

static void find_token(struct request *request)
{
    static const char bearer[] = "Bearer ";
    const char *header = request_variable(request, "HTTP_X_SESSION_ID");
    const char *authorization = request_variable(request, "HTTP_AUTHORIZATION");
    const char *value;
    size_t length;
    if (*header) {
        request->session = header;
    } else if (strncasecmp(authorization, bearer, sizeof bearer - 1) == 0) {
        request->session = authorization + sizeof bearer - 1;
    } else if (find_cookie(request, SESSION_COOKIE, &value, &length)) {
        request->session = arena_copy(request->arena, value, length);
        request->session_cookie = true;
    }
}

/* The X-User-Id cookie proves nothing, but a session is ignored when the two
 * contradict. */
static bool names_other_user(const struct request *request)
{
    const char *value;
    size_t length;
    int64_t named;
    if (!find_cookie(request, USER_COOKIE, &value, &length) || length == 0)
        return false;
    return !param_id(value, length, &named) || named != request->user_id;
}

static bool is_unsafe(enum method method)
{
    return method != METHOD_GET && method != METHOD_OPTIONS;
}

bool session_is_cross_site(const struct request *request)
{
    if (!is_unsafe(request->method))
        return false;
    const char *origin = request_variable(request, "HTTP_ORIGIN");
    if (*origin && list_has(request->config->cors_origins, origin))
        return false;
    if (strcmp(request_variable(request, "HTTP_SEC_FETCH_SITE"), "cross-site") == 0)
        return true;
    return *origin && !origin_matches_host(origin, request_variable(request, "HTTP_HOST"));
}

bool session_parse(struct request *request, unsigned char hash[SESSION_HASH_SIZE])
{
    find_token(request);
    return request->session && session_hash(request->session, hash);
}

void session_accept(struct request *request, int64_t user_id)
{
    request->user_id = user_id;
    if (user_id != 0 && names_other_user(request))
        request->user_id = 0;
}

enum status session_authenticate(struct request *request, size_t statement)
{
    unsigned char hash[SESSION_HASH_SIZE];
    if (!session_parse(request, hash))
        return STATUS_ANSWERED;
    if (request->session_cookie && session_is_cross_site(request))
        return request_refuse(request, STATUS_FORBIDDEN, "the request comes from another site");

    struct db_params params = {0};
    struct db_rows rows;
    db_bind_bytes(&params, hash, sizeof hash);
    db_bind_number(&params, request->config->session_ttl_s);
    enum db_outcome outcome = db_query(request->db, statement, &params, &rows);
    if (outcome != DB_DONE)
        return status_from_store(store_outcome_from_db(outcome));
    session_accept(request, rows.count == 1 ? db_number(&rows, 0, 0) : 0);
    return STATUS_ANSWERED;
}
