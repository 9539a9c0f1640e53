/* Sessions in the database. Texts in results live as long as the request's arena. */
#ifndef FCGI_API_SESSION_STORE_H
#define FCGI_API_SESSION_STORE_H

#include "lib/db/store.h"
#include "lib/http/page.h"
#include "lib/http/session.h"

struct session {
    const char *id;                                       /* a UUID, not the token */
    int64_t create_time_us, use_time_us, expires_time_us; /* since 1970 */
    bool current;                                         /* the request's own session */
};

/* Creates a session. STORE_MISSING when the user no longer has that password hash. */
enum store_outcome session_store_create(struct db *db, const char *token, int64_t user_id,
                                        const char *password_hash, const struct config *config);

/* Ends the session with that token, if there is one. */
enum store_outcome session_store_delete(struct db *db, const char *token);

/* Ends a session of the user. STORE_MISSING when the user has none with that id. */
enum store_outcome session_store_delete_by_id(struct db *db, int64_t user_id, const char *id);

/* Reads up to limit + 1 rows of the page: the user's unexpired sessions, newest first.
 * The session with that token is marked as current. */
enum store_outcome session_store_list(struct db *db, const struct page *page, int64_t user_id,
                                      const char *token, struct db_rows *rows);

/* Reads the session in a row of session_store_list. */
void session_from_row(const struct db_rows *rows, int row, struct session *session);

#endif
