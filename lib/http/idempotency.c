#include "lib/http/idempotency.h"

#include <sodium.h>
#include <string.h>

enum { KEY_MAX = 255, FINGERPRINT_SIZE = crypto_hash_sha256_BYTES };

/* The state of one transaction. */
struct idempotent_call {
    const struct service *service;
    const struct route *route;
    struct request *request;
    struct response *response;
    unsigned char fingerprint[FINGERPRINT_SIZE];
    enum status status; /* result of the request */
};

const char *idempotency_parse(struct request *request)
{
    const char *key = request_find(request, "HTTP_IDEMPOTENCY_KEY");
    size_t length = 0;
    if (!key)
        return NULL;
    while (key[length] > 0x20 && key[length] < 0x7f)
        length++;
    if (length == 0 || length > KEY_MAX || key[length])
        return "Idempotency-Key must be 1 to 255 visible ASCII characters";
    request->idempotency_key = key;
    return NULL;
}

enum status idempotency_conflict(struct request *request)
{
    return request_refuse(request, STATUS_CONFLICT, "this Idempotency-Key was used for a different request");
}

static void compute_fingerprint(const struct request *request, unsigned char fingerprint[FINGERPRINT_SIZE])
{
    const char *method = method_names[request->method];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    /* The NULs are included, so that method and path can't run into each other. */
    crypto_hash_sha256_update(&state, (const unsigned char *)method, strlen(method) + 1);
    crypto_hash_sha256_update(&state, (const unsigned char *)request->path, strlen(request->path) + 1);
    crypto_hash_sha256_update(&state, (const unsigned char *)request->body, request->body_length);
    crypto_hash_sha256_final(&state, fingerprint);
}

static void bind_key(struct db_params *params, const struct request *request)
{
    db_bind_number(params, request->user_id);
    db_bind_text(params, request->idempotency_key, strlen(request->idempotency_key));
}

/* Returns false when the statement failed. Sets the status in either case. */
static bool query(struct idempotent_call *call, size_t statement, const struct db_params *params,
                  struct db_rows *rows)
{
    enum db_outcome outcome = db_query(call->request->db, statement, params, rows);
    call->status = status_from_store(store_outcome_from_db(outcome));
    return outcome == DB_DONE;
}

static bool claim_key(struct idempotent_call *call, bool *first)
{
    struct db_params params = {0};
    struct db_rows rows;
    bind_key(&params, call->request);
    db_bind_bytes(&params, call->fingerprint, FINGERPRINT_SIZE);
    if (!query(call, call->service->idempotency.claim, &params, &rows))
        return false;
    *first = rows.count == 1;
    return true;
}

/* Copies the stored response of the first request with the key. */
static void replay(struct idempotent_call *call)
{
    struct response *response = call->response;
    struct db_params params = {0};
    struct db_rows rows;
    bind_key(&params, call->request);
    if (!query(call, call->service->idempotency.find, &params, &rows))
        return;
    if (rows.count == 0) {
        call->status = STATUS_UNAVAILABLE; /* it has just expired */
        return;
    }
    if (db_length(&rows, 0, 0) != FINGERPRINT_SIZE ||
        memcmp(db_text(&rows, 0, 0), call->fingerprint, FINGERPRINT_SIZE) != 0) {
        call->status = idempotency_conflict(call->request);
        return;
    }
    response->http = (int)db_number(&rows, 0, 1);
    buffer_append(&response->headers, db_text(&rows, 0, 2), db_length(&rows, 0, 2));
    buffer_append(&response->body, db_text(&rows, 0, 3), db_length(&rows, 0, 3));
}

static bool save_response(struct idempotent_call *call)
{
    const struct response *response = call->response;
    struct db_params params = {0};
    bind_key(&params, call->request);
    db_bind_number(&params, response->http);
    db_bind_text(&params, response->headers.length ? response->headers.data : "", response->headers.length);
    db_bind_text(&params, response->body.length ? response->body.data : "", response->body.length);
    return query(call, call->service->idempotency.save, &params, NULL);
}

/* Runs in a transaction. Returns true, to commit, when the handler ran and succeeded. */
static bool run_once(void *argument)
{
    struct idempotent_call *call = argument;
    bool first;
    response_reset(call->response);
    call->request->detail = NULL;
    if (!claim_key(call, &first))
        return false;
    if (!first) {
        replay(call);
        return false;
    }
    call->status = call->route->handler(call->request, call->response);
    return call->status == STATUS_ANSWERED && !call->response->headers.failed &&
           !call->response->body.failed && save_response(call);
}

enum status idempotency_handle(const struct service *service, const struct route *route,
                               struct request *request, struct response *response)
{
    struct idempotent_call call = {service, route, request, response, .status = STATUS_INTERNAL};
    compute_fingerprint(request, call.fingerprint);
    /* Repeatable: if a commit of unknown outcome succeeded, the next run finds the
     * key. */
    const struct db_work work = {run_once, &call, .repeatable = true};
    enum db_outcome outcome = db_transaction(request->db, &work);
    return outcome == DB_DONE ? call.status : status_from_store(store_outcome_from_db(outcome));
}
