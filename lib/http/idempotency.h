/* The header Idempotency-Key: a request that is repeated, because its answer was lost, is done once.
 *
 * The key belongs to the session's user, for a day; for what needs no session see user_store.h. What the request made
 * and what it was answered are stored in one transaction, so a repeat finds both or neither. Failures aren't stored: a
 * repeat of such a request tries anew. */
#ifndef LIB_HTTP_IDEMPOTENCY_H
#define LIB_HTTP_IDEMPOTENCY_H

#include "lib/http/route.h"
#include "lib/http/service.h"

/* $1 is the user, $2 the key in all of them. */

/* $3: the fingerprint. A row when the key is new or has expired; the request is then the first. It waits for another
 * one with the same key. A few expired keys go on this occasion. */
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
/* $3, $4, $5: the answer's status, headers and body. */
#define IDEMPOTENCY_SAVE_SQL                                                                                 \
    "UPDATE idempotency_keys SET status = $3::bigint, headers = $4::text, body = $5::text"                   \
    " WHERE user_id = $1::bigint AND key = $2::text"

/* Reads the key into request->idempotency_key, where there is one. NULL when it is good, else what is wrong. */
WARN_UNUSED const char *idempotency_parse(struct request *request);

/* 409: the key is that of another request. */
enum status idempotency_conflict(struct request *request);

/* Calls the route's handler for a request with a key, unless it was called before: then the answer is the same as it
 * was, or STATUS_CONFLICT when that was to another request. */
enum status idempotency_handle(const struct service *service, const struct route *route,
                               struct request *request, struct response *response);

#endif
