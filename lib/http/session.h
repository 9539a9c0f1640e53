/* Who a request comes from: the session's token, its hash, the rules of cookies. */
#ifndef LIB_HTTP_SESSION_H
#define LIB_HTTP_SESSION_H

#include "lib/http/request.h"

enum {
    SESSION_TOKEN_SIZE = 44, /* 32 random bytes in base64url, and a NUL */
    SESSION_HASH_SIZE = 32,
};

#define SESSION_COOKIE "X-Session-Id"
#define USER_COOKIE    "X-User-Id"

/* The statement that every program with sessions has: $1 is the hash of a token, $2 how many seconds a session
 * lasts from its last use; the row is the user's id. The use is written down once in a minute and not each time,
 * so that reading stays reading. Repeating the statement changes nothing more, so it counts as a read. */
#define SESSION_FIND_SQL                                                                                     \
    "WITH found AS (SELECT token_hash, user_id, use_time FROM sessions"                                      \
    " WHERE token_hash = $1::bytea AND expires_at > now()),"                                                 \
    " used AS (UPDATE sessions s SET use_time = now(),"                                                      \
    " expires_at = least(now() + $2::bigint * interval '1 second', s.ends_at)"                               \
    " FROM found WHERE s.token_hash = found.token_hash AND s.expires_at > now()"                             \
    " AND found.use_time < now() - interval '1 minute')"                                                     \
    " SELECT user_id FROM found"

/* A new token. */
void session_create_token(char token[SESSION_TOKEN_SIZE]);

/* What the database keeps of a token. False when the text is no token. */
WARN_UNUSED bool session_hash(const char *token, unsigned char hash[SESSION_HASH_SIZE]);

/* The two halves of session_authenticate, for a program that asks for the session together with something else.
 * The first finds the token, and its hash to ask for; false when the request carries none. The second takes
 * the user's id that was found, 0 if none was, and sets request->user_id. */
WARN_UNUSED bool session_parse(struct request *request, unsigned char hash[SESSION_HASH_SIZE]);
void session_accept(struct request *request, int64_t user_id);

/* True when the request would change something and a browser says that another site's page makes it, one that isn't
 * listed (VS_CORS_ORIGINS). */
WARN_UNUSED bool session_is_cross_site(const struct request *request);

/* Sets request->user_id when the request carries a valid session, found by the statement with that index.
 * The header counts before Authorization, and that before the cookie. STATUS_ANSWERED when the request may go
 * on, with or without a session; else the failure: a database that can't be asked, or a request from another
 * site that rides on a cookie. */
enum status session_authenticate(struct request *request, size_t statement);

#endif
