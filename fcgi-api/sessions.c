#include "session.h"

#include <stdio.h>
#include <string.h>

#include "api.h"
#include "user_store.h"

/* Adds a cookie; an age of 0 seconds clears it. */
static void set_cookie(const struct request *request, struct response *response, const char *name,
                       const char *value, bool scripts, int64_t age_s)
{
    bool tls = strcmp(request_variable(request, "HTTPS"), "on") == 0;
    buffer_printf(&response->headers, "Set-Cookie: %s=%s; Path=/; Max-Age=%lld; SameSite=Lax%s%s\r\n", name,
                  value, (long long)age_s, scripts ? "" : "; HttpOnly", tls ? "; Secure" : "");
}

static void set_cookies(const struct request *request, struct response *response, const char *token,
                        const char *user, int64_t age_s)
{
    set_cookie(request, response, SESSION_COOKIE, token, false, age_s);
    set_cookie(request, response, USER_COOKIE, user, true, age_s);
}

/* Looks the user up and verifies the password, in the same time whether or not there is such a user. */
static enum status verify(struct request *request, int64_t *user_id)
{
    const struct api_context *context = request->context;
    const struct field_value *name = &request->values[0], *password = &request->values[1];
    const char *hash;
    enum store_outcome outcome = user_store_find(request->db, name->text, name->length, user_id, &hash);
    if (outcome != STORE_DONE && outcome != STORE_MISSING)
        return status_of_store(outcome);
    bool known = outcome == STORE_DONE;
    bool right = password_verify(known ? hash : context->dummy_hash, password->text, password->length);
    if (known && right)
        return STATUS_ANSWERED;
    return request_refuse(request, STATUS_UNAUTHENTICATED, "the user name or the password is wrong");
}

/* 200 and the cookies; 401 for an unknown user and a wrong password alike. */
enum status session_create(struct request *request, struct response *response)
{
    char token[SESSION_TOKEN_SIZE], user[24];
    int64_t user_id;
    enum status status = verify(request, &user_id);
    if (status != STATUS_ANSWERED)
        return status;
    session_create_token(token);
    enum store_outcome outcome =
        session_store_create(request->db, token, user_id, request->config->session_ttl_s);
    if (outcome != STORE_DONE)
        return status_of_store(outcome);

    snprintf(user, sizeof user, "%lld", (long long)user_id);
    set_cookies(request, response, token, user, request->config->session_ttl_s);
    response_header(response, "Cache-Control", "no-store");
    struct json *json = response_json(response, 200);
    json_object(json);
    json_bool(json, "success", true);
    json_text(json, "session_id", token);
    json_number(json, "user_id", user_id);
    json_object_end(json);
    return STATUS_ANSWERED;
}

/* 205: the session has ended, on the server too. */
enum status session_delete(struct request *request, struct response *response)
{
    enum store_outcome outcome = session_store_delete(request->db, request->session);
    if (outcome != STORE_DONE)
        return status_of_store(outcome);
    set_cookies(request, response, "", "", 0);
    return response_empty(response, 205);
}
