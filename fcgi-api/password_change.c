#include "fcgi-api/api.h"
#include "fcgi-api/attempt.h"
#include "fcgi-api/common_password.h"
#include "fcgi-api/user_store.h"

enum { PASSWORD, OLD_PASSWORD };

static const struct field fields[] = {
    [PASSWORD] = {"pwd", FIELD_SECRET, .required = true, .min = 8, .max = 256},
    [OLD_PASSWORD] = {"old_pwd", FIELD_SECRET, .required = true, .max = 256},
};
const struct form password_form = {fields, COUNT_OF(fields)};

enum status password_check(struct request *request, const struct field_value *password)
{
    if (common_password_matches(password->text, password->length))
        return request_refuse(request, STATUS_BAD_REQUEST, "pwd is one of the most common passwords");
    return STATUS_ANSWERED;
}

static enum status reject_old_password(struct request *request)
{
    return request_refuse(request, STATUS_UNAUTHENTICATED, "the old password is wrong");
}

/* 403 when the other user exists, 404 otherwise. */
static enum status reject_other_user(struct request *request)
{
    struct user user;
    enum store_outcome outcome = user_store_get(request->db, request->ids.uid, &user);
    return status_from_store(outcome == STORE_DONE ? STORE_FORBIDDEN : outcome);
}

static enum status verify_old_password(struct request *request, struct account *account)
{
    struct api_context *context = request->context;
    const struct field_value *password = &request->values[OLD_PASSWORD];
    struct attempt attempt;
    enum store_outcome outcome = user_store_get_account(request->db, request->user_id, account);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    enum status status = attempt_begin(request, account->name, &attempt);
    if (status != STATUS_ANSWERED)
        return status;
    if (!password_verify(&context->hash_slots, account->password_hash, password->text, password->length))
        return reject_old_password(request);
    attempt_succeeded(request, &attempt);
    return STATUS_ANSWERED;
}

/* 204, and the user's other sessions end; 400 for a common password; 401 when the old
 * password is wrong; 403 or 404 for another user; 429 after too many wrong passwords. */
enum status password_change(struct request *request, struct response *response)
{
    struct api_context *context = request->context;
    const struct field_value *password = &request->values[PASSWORD];
    struct account account;
    char hash[PASSWORD_HASH_SIZE];
    if (request->ids.uid != request->user_id)
        return reject_other_user(request);
    enum status status = password_check(request, password);
    if (status == STATUS_ANSWERED)
        status = verify_old_password(request, &account);
    if (status != STATUS_ANSWERED)
        return status;
    if (!password_hash(&context->hash_slots, request->config, password->text, password->length, hash))
        return STATUS_INTERNAL;
    db_begin(request->db, request->arena); /* hashing may have used up the time limit */
    enum store_outcome outcome = user_store_change_password(request->db, request->user_id,
                                                            account.password_hash, hash, request->session);
    if (outcome == STORE_CHANGED)
        return reject_old_password(request);
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    return response_empty(response, 204);
}
