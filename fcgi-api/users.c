#include <string.h>

#include "fcgi-api/api.h"
#include "fcgi-api/attempt.h"
#include "fcgi-api/user_store.h"
#include "lib/http/etag.h"
#include "lib/http/idempotency.h"

enum { USER_NAME, PASSWORD };

/* The representation of a user never changes. */
enum { REVISION = 1 };

static const struct field credentials[] = {
    [USER_NAME] = {"user_name", FIELD_LINE, .required = true, .min = 1, .max = 40},
    [PASSWORD] = {"pwd", FIELD_SECRET, .required = true, .min = 8, .max = 256},
};
const struct form credentials_form = {credentials, COUNT_OF(credentials)};

static enum status answer(struct response *response, int http, const struct user *user)
{
    struct json *json = response_json(response, http);
    json_object(json);
    json_number(json, "user_id", user->id);
    json_text(json, "user_name", user->name);
    json_time(json, "create_time", user->create_time_us / 1000000);
    json_object_end(json);
    return STATUS_ANSWERED;
}

static enum status status_of_creation(struct request *request, enum store_outcome outcome)
{
    if (outcome == STORE_CONFLICT)
        return request_refuse(request, STATUS_CONFLICT, "the user name is taken");
    return status_from_store(outcome);
}

/* Creates the user at most once per Idempotency-Key. A repeat with another name or
 * password gets 409. */
static enum status create_idempotent(struct request *request, const struct new_user *new_user,
                                     struct user *user)
{
    struct api_context *context = request->context;
    const struct field_value *password = &request->values[PASSWORD];
    const char *first_hash;
    enum store_outcome outcome =
        user_store_create_idempotent(request->db, request->idempotency_key, new_user, user, &first_hash);
    if (outcome != STORE_DONE)
        return status_of_creation(request, outcome);
    bool first = strcmp(first_hash, new_user->password_hash) == 0;
    if (first || (strcmp(user->name, new_user->name) == 0 &&
                  password_verify(&context->hash_slots, first_hash, password->text, password->length)))
        return STATUS_ANSWERED;
    return idempotency_conflict(request);
}

static enum status create(struct request *request, const struct new_user *new_user, struct user *user)
{
    if (request->idempotency_key)
        return create_idempotent(request, new_user, user);
    return status_of_creation(request, user_store_create(request->db, new_user, user));
}

/* 201; 400 for a common password; 409 when the name is taken; 429 when the client has
 * registered too many users. */
enum status user_create(struct request *request, struct response *response)
{
    struct api_context *context = request->context;
    const struct field_value *name = &request->values[USER_NAME];
    const struct field_value *password = &request->values[PASSWORD];
    char hash[PASSWORD_HASH_SIZE];
    struct user user;
    enum status status = password_check(request, password);
    if (status == STATUS_ANSWERED)
        status = attempt_begin_registration(request);
    if (status != STATUS_ANSWERED)
        return status;
    if (!password_hash(&context->hash_slots, request->config, password->text, password->length, hash))
        return STATUS_INTERNAL;
    db_begin(request->db, request->arena); /* hashing may have used up the time limit */
    status = create(request, &(struct new_user){name->text, name->length, hash}, &user);
    if (status != STATUS_ANSWERED)
        return status;
    buffer_printf(&response->headers, "Location: /api/users/%lld\r\n", (long long)user.id);
    return answer(response, 201, &user);
}

/* 200; 304 when If-None-Match matches; 404 when the user does not exist. */
enum status user_get(struct request *request, struct response *response)
{
    struct user user;
    enum store_outcome outcome = user_store_get(request->db, request->ids.uid, &user);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    etag_header(&response->headers, REVISION, false);
    if (etag_none_match(request_variable(request, "HTTP_IF_NONE_MATCH"), REVISION))
        return response_empty(response, 304);
    return answer(response, 200, &user);
}
