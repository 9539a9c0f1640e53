#include "lib/http/idempotency.h"

#include <sodium.h>
#include <string.h>

enum { KEY_MAX = 255, FINGERPRINT_SIZE = crypto_hash_sha256_BYTES };

/* What the transaction works with. */
struct once {
    const struct service *service;
    const struct route *route;
    struct request *request;
    struct response *response;
    unsigned char fingerprint[FINGERPRINT_SIZE];
    enum status status; /* what the request came to */
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
        return "Idempotency-Key is not 1 to 255 visible ASCII characters";
    request->idempotency_key = key;
    return NULL;
}

enum status idempotency_conflict(struct request *request)
{
    return request_refuse(request, STATUS_CONFLICT, "another request was made with this Idempotency-Key");
}

static void take_fingerprint(const struct request *request, unsigned char fingerprint[FINGERPRINT_SIZE])
{
    const char *method = method_names[request->method];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    /* The NULs of the texts are part of it, so that they can't run into each other. */
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

/* False when the statement was not done; the status is then set. */
static bool query(struct once *once, size_t statement, const struct db_params *params, struct db_rows *rows)
{
    enum db_outcome outcome = db_query(once->request->db, statement, params, rows);
    once->status = status_from_store(store_outcome_from_db(outcome));
    return outcome == DB_DONE;
}

static bool claim(struct once *once, bool *first)
{
    struct db_params params = {0};
    struct db_rows rows;
    bind_key(&params, once->request);
    db_bind_bytes(&params, once->fingerprint, FINGERPRINT_SIZE);
    if (!query(once, once->service->idempotency.claim, &params, &rows))
        return false;
    *first = rows.count == 1;
    return true;
}

/* Answers as the first request with the key was answered. */
static void replay(struct once *once)
{
    struct response *response = once->response;
    struct db_params params = {0};
    struct db_rows rows;
    bind_key(&params, once->request);
    if (!query(once, once->service->idempotency.find, &params, &rows))
        return;
    if (rows.count == 0) {
        once->status = STATUS_UNAVAILABLE; /* it expired just now */
        return;
    }
    if (db_length(&rows, 0, 0) != FINGERPRINT_SIZE ||
        memcmp(db_text(&rows, 0, 0), once->fingerprint, FINGERPRINT_SIZE) != 0) {
        once->status = idempotency_conflict(once->request);
        return;
    }
    response->http = (int)db_number(&rows, 0, 1);
    buffer_append(&response->headers, db_text(&rows, 0, 2), db_length(&rows, 0, 2));
    buffer_append(&response->body, db_text(&rows, 0, 3), db_length(&rows, 0, 3));
}

static bool keep(struct once *once)
{
    const struct response *response = once->response;
    struct db_params params = {0};
    bind_key(&params, once->request);
    db_bind_number(&params, response->http);
    db_bind_text(&params, response->headers.length ? response->headers.data : "", response->headers.length);
    db_bind_text(&params, response->body.length ? response->body.data : "", response->body.length);
    return query(once, once->service->idempotency.keep, &params, NULL);
}

/* The transaction; committed when the request has been answered for the first time. */
static bool answer_once(void *argument)
{
    struct once *once = argument;
    bool first;
    response_reset(once->response);
    once->request->detail = NULL;
    if (!claim(once, &first))
        return false;
    if (!first) {
        replay(once);
        return false;
    }
    once->status = once->route->handler(once->request, once->response);
    return once->status == STATUS_ANSWERED && !once->response->headers.failed &&
           !once->response->body.failed && keep(once);
}

enum status idempotency_handle(const struct service *service, const struct route *route,
                               struct request *request, struct response *response)
{
    struct once once = {service, route, request, response, .status = STATUS_INTERNAL};
    take_fingerprint(request, once.fingerprint);
    /* Who repeats it after a commit of unknown outcome finds the key, or it was not committed. */
    const struct db_work work = {answer_once, &once, .repeatable = true};
    enum db_outcome outcome = db_transaction(request->db, &work);
    return outcome == DB_DONE ? once.status : status_from_store(store_outcome_from_db(outcome));
}
