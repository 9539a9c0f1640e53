/* Authentication: finds the session token in a request, hashes it, and rejects cross-site
 * requests that carry a cookie. */
#ifndef LIB_HTTP_SESSION_H
#define LIB_HTTP_SESSION_H

#include "lib/http/request.h"

enum {
    SESSION_TOKEN_SIZE = 44, /* 32 random bytes in base64url, including the NUL */
    SESSION_HASH_SIZE = 32,
};

#define SESSION_COOKIE "X-Session-Id"
#define USER_COOKIE    "X-User-Id"

/* The statement that every program with sessions prepares: $1 is the token's hash, $2 the
 * seconds after its last use at which a session expires. Returns the user's id. It
 * updates the time of last use at most once a minute, so that most requests only read. It
 * is safe to repeat and therefore marked as a read. */
#define SESSION_FIND_SQL                                                                                     \
    "WITH found AS (SELECT token_hash, user_id, use_time FROM sessions"                                      \
    " WHERE token_hash = $1::bytea AND expires_at > now()),"                                                 \
    " used AS (UPDATE sessions s SET use_time = now(),"                                                      \
    " expires_at = least(now() + $2::bigint * interval '1 second', s.ends_at)"                               \
    " FROM found WHERE s.token_hash = found.token_hash AND s.expires_at > now()"                             \
    " AND found.use_time < now() - interval '1 minute')"                                                     \
    " SELECT user_id FROM found"

/* Generates a token. */
void session_create_token(char token[SESSION_TOKEN_SIZE]);

/* Computes the hash of a token, which is all that the database stores of it: SHA-256 of
 * its text. Returns false when the text does not have the length of a token. */
WARN_UNUSED bool session_hash(const char *token, unsigned char hash[SESSION_HASH_SIZE]);

/* The two halves of session_authenticate, for a handler that looks up the session in the
 * same query as something else. session_parse finds the token and computes its hash; it
 * returns false when the request has none of the right length. session_accept sets
 * request->user_id from the user's id that the query returned, or 0. It sets 0 when there
 * is an X-User-Id cookie that names another user. */
WARN_UNUSED bool session_parse(struct request *request, unsigned char hash[SESSION_HASH_SIZE]);
void session_accept(struct request *request, int64_t user_id);

/* True when the request is neither GET, HEAD nor OPTIONS and, by its Origin or
 * Sec-Fetch-Site header, comes from a page of another site that VS_CORS_ORIGINS doesn't
 * list. */
WARN_UNUSED bool session_is_cross_site(const struct request *request);

/* Sets request->user_id when the request has a valid session, which it looks up with the
 * statement of that index. The X-Session-Id header takes precedence over Authorization,
 * and that over the cookie. Returns STATUS_ANSWERED with or without a session,
 * STATUS_FORBIDDEN for a cross-site request with a session cookie, and a failure when the
 * query fails. */
enum status session_authenticate(struct request *request, size_t statement);

#endif
