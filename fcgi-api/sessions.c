#include <stdio.h>
#include <string.h>

#include "fcgi-api/api.h"
#include "fcgi-api/attempt.h"
#include "fcgi-api/session_store.h"
#include "fcgi-api/user_store.h"
#include "lib/base/log.h"
#include "lib/http/session.h"

enum { LOGIN_ATTEMPTS_MAX = 3 };

/* An age of 0 seconds deletes the cookie. */
static void set_cookie(const struct request *request, struct response *response, const char *name,
                       const char *value, bool script_readable, int64_t age_s)
{
    bool tls = strcmp(request_variable(request, "HTTPS"), "on") == 0;
    buffer_printf(&response->headers, "Set-Cookie: %s=%s; Path=/; Max-Age=%lld; SameSite=Lax%s%s\r\n", name,
                  value, (long long)age_s, script_readable ? "" : "; HttpOnly", tls ? "; Secure" : "");
}

static void set_cookies(const struct request *request, struct response *response, const char *token,
                        const char *user, int64_t age_s)
{
    set_cookie(request, response, SESSION_COOKIE, token, false, age_s);
    set_cookie(request, response, USER_COOKIE, user, true, age_s);
}

/* Finds the account and verifies the password, in the same time for an unknown user. */
static enum status verify_credentials(struct request *request, struct account *account)
{
    struct api_context *context = request->context;
    const struct field_value *name = &request->values[0], *password = &request->values[1];
    struct attempt attempt;
    enum store_outcome outcome = user_store_find(request->db, name->text, name->length, account);
    if (outcome != STORE_DONE && outcome != STORE_MISSING)
        return status_from_store(outcome);
    enum status status = attempt_begin(request, account->name, &attempt);
    if (status != STATUS_ANSWERED)
        return status;
    bool known = outcome == STORE_DONE;
    const char *hash = known ? account->password_hash : context->dummy_hash;
    bool correct = password_verify(&context->hash_slots, hash, password->text, password->length);
    db_begin(request->db, request->arena); /* hashing may have used up the time limit */
    if (!known || !correct)
        return request_refuse(request, STATUS_UNAUTHENTICATED, "wrong user name or password");
    attempt_succeeded(request, &attempt);
    return STATUS_ANSWERED;
}

/* Verifies the password and creates the session. The session is created only if the
 * password hash is still the verified one: otherwise it would survive a password change,
 * which ends all sessions. When the hash has changed, the password is verified again. */
static enum status log_in(struct request *request, const char *token, struct account *account)
{
    for (int i = 0; i < LOGIN_ATTEMPTS_MAX; i++) {
        enum status status = verify_credentials(request, account);
        if (status != STATUS_ANSWERED)
            return status;
        enum store_outcome outcome = session_store_create(request->db, token, account->user_id,
                                                          account->password_hash, request->config);
        if (outcome != STORE_MISSING)
            return status_from_store(outcome);
    }
    return request_refuse(request, STATUS_UNAVAILABLE,
                          "the password was changed during the log-in; try again");
}

/* Hashes the password again when the cost settings have changed. Failure is harmless. */
static void rehash(const struct request *request, const struct account *account)
{
    struct api_context *context = request->context;
    const struct field_value *password = &request->values[1];
    char hash[PASSWORD_HASH_SIZE];
    if (!password_is_outdated(request->config, account->password_hash) ||
        !password_hash(&context->hash_slots, request->config, password->text, password->length, hash))
        return;
    db_begin(request->db, request->arena);
    if (user_store_rehash(request->db, account->user_id, account->password_hash, hash) == STORE_DONE)
        log_write(LOG_INFO, "password_rehashed", "id=%s user=%lld", request->id, (long long)account->user_id);
}

/* 200 and the cookies; 401 for an unknown user or a wrong password, indistinguishably;
 * 429 after too many wrong passwords. The cookies last for the maximum lifetime of a
 * session; the server knows when it expires earlier. */
enum status session_create(struct request *request, struct response *response)
{
    char token[SESSION_TOKEN_SIZE], user[24];
    struct account account;
    session_create_token(token);
    enum status status = log_in(request, token, &account);
    if (status != STATUS_ANSWERED)
        return status;
    rehash(request, &account);

    snprintf(user, sizeof user, "%lld", (long long)account.user_id);
    set_cookies(request, response, token, user, request->config->session_max_s);
    struct json *json = response_json(response, 200);
    json_object(json);
    json_bool(json, "success", true);
    json_text(json, "session_id", token);
    json_number(json, "user_id", account.user_id);
    json_object_end(json);
    return STATUS_ANSWERED;
}

static struct page_position write_row(struct json *json, const struct db_rows *rows, int row)
{
    struct session session;
    session_from_row(rows, row, &session);
    json_object(json);
    json_text(json, "id", session.id);
    json_time(json, "create_time", session.create_time_us / 1000000);
    json_time(json, "use_time", session.use_time_us / 1000000);
    json_time(json, "expires_at", session.expires_time_us / 1000000);
    json_bool(json, "current", session.current);
    json_object_end(json);
    return (struct page_position){.time_us = session.create_time_us, .uuid = session.id};
}

/* 200: the user's unexpired sessions. */
enum status session_list(struct request *request, struct response *response)
{
    struct db_rows rows;
    enum store_outcome outcome =
        session_store_list(request->db, &request->page, request->user_id, request->session, &rows);
    return page_respond(request, response, outcome, &rows, "sessions", write_row);
}

/* 204; 404 when the user has no session with that id. */
enum status session_delete_by_id(struct request *request, struct response *response)
{
    enum store_outcome outcome = session_store_delete_by_id(request->db, request->user_id, request->ids.sid);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    return response_empty(response, 204);
}

/* 205: the session has ended on the server, and the cookies are deleted. */
enum status session_delete(struct request *request, struct response *response)
{
    enum store_outcome outcome = session_store_delete(request->db, request->session);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    set_cookies(request, response, "", "", 0);
    return response_empty(response, 205);
}
