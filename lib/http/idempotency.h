/* The Idempotency-Key header: a request that a client retries after losing the response
 * runs only once.
 *
 * A key belongs to the session's user and expires after a day. For routes without a
 * session see user_store.h. The effect of a request and its stored response are committed
 * in one transaction, so a retry finds both or neither. Failures are not stored: a retry
 * after a failure runs the request again. */
#ifndef LIB_HTTP_IDEMPOTENCY_H
#define LIB_HTTP_IDEMPOTENCY_H

#include "lib/http/route.h"
#include "lib/http/service.h"

/* In all three statements $1 is the user and $2 the key. */

/* $3: the request's fingerprint. Returns a row when the key is new or has expired, so
 * this request is the first. Waits for a concurrent request with the same key. Also
 * deletes up to ten expired keys. */
#define IDEMPOTENCY_CLAIM_SQL                                                                                \
    "WITH swept AS (DELETE FROM idempotency_keys WHERE (user_id, key) IN"                                    \
    " (SELECT user_id, key FROM idempotency_keys WHERE create_time < now() - interval '1 day'"               \
    " AND NOT (user_id = $1::bigint AND key = $2::text)"                                                     \
    " ORDER BY create_time LIMIT 10 FOR UPDATE SKIP LOCKED))"                                                \
    " INSERT INTO idempotency_keys AS k (user_id, key, fingerprint)"                                         \
    " VALUES ($1::bigint, $2::text, $3::bytea)"                                                              \
    " ON CONFLICT (user_id, key) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, create_time = now()"      \
    " WHERE k.create_time < now() - interval '1 day'"                                                        \
    " RETURNING true"
#define IDEMPOTENCY_FIND_SQL                                                                                 \
    "SELECT fingerprint, status, headers, body FROM idempotency_keys"                                        \
    " WHERE user_id = $1::bigint AND key = $2::text"
/* $3, $4, $5: the response's status, headers and body. */
#define IDEMPOTENCY_SAVE_SQL                                                                                 \
    "UPDATE idempotency_keys SET status = $3::bigint, headers = $4::text, body = $5::text"                   \
    " WHERE user_id = $1::bigint AND key = $2::text"

/* Sets request->idempotency_key if the header was sent. Returns NULL when it is valid or
 * absent, else a message for the client. */
WARN_UNUSED const char *idempotency_parse(struct request *request);

/* Returns STATUS_CONFLICT with the detail that the key was used for a different
 * request. */
enum status idempotency_conflict(struct request *request);

/* Calls the route's handler for the first request with the key. For a retry, replays the
 * stored response, or returns STATUS_CONFLICT when the key was used for a different
 * request. */
enum status idempotency_handle(const struct service *service, const struct route *route,
                               struct request *request, struct response *response);

#endif
