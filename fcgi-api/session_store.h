/* Sessions in the database. Texts live as long as the request. */
#ifndef FCGI_API_SESSION_STORE_H
#define FCGI_API_SESSION_STORE_H

#include "lib/db/store.h"
#include "lib/http/page.h"
#include "lib/http/session.h"

struct session {
    const char *id;                                       /* a UUID; the token can't be told from it */
    int64_t create_time_us, use_time_us, expires_time_us; /* since 1970 */
    bool current;                                         /* the one whose token was given */
};

/* A session for the user with that password hash. STORE_MISSING when the hash is another one by now. */
enum store_outcome session_store_create(struct db *db, const char *token, int64_t user_id,
                                        const char *password_hash, const struct config *config);

/* Ends the session with that token. */
enum store_outcome session_store_delete(struct db *db, const char *token);

/* Ends the user's session with that id. */
enum store_outcome session_store_delete_by_id(struct db *db, int64_t user_id, const char *id);

/* The user's sessions that have not ended: one row more than the page's limit, newest first, where there are as
 * many. */
enum store_outcome session_store_list(struct db *db, const struct page *page, int64_t user_id,
                                      const char *token, struct db_rows *rows);

/* The session in a row of what session_store_list gave. */
void session_from_row(const struct db_rows *rows, int row, struct session *session);

#endif
