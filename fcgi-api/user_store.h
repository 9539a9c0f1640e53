/* Users in the database. Texts live as long as the request. */
#ifndef FCGI_API_USER_STORE_H
#define FCGI_API_USER_STORE_H

#include "lib/db/store.h"

struct user {
    int64_t id;
    const char *name;
    int64_t create_time_us; /* since 1970 */
};

struct new_user {
    const char *name;
    size_t name_length;
    const char *password_hash;
};

/* STORE_CONFLICT when the name is taken. */
enum store_outcome user_store_create(struct db *db, const struct new_user *new_user, struct user *user);

/* The same, done once for an Idempotency-Key: later it gives the user that was made then. *first_hash is that of the
 * password that was sent then. */
enum store_outcome user_store_create_idempotent(struct db *db, const char *key,
                                                const struct new_user *new_user, struct user *user,
                                                const char **first_hash);

enum store_outcome user_store_get(struct db *db, int64_t id, struct user *user);

/* What a log-in is verified against. */
struct account {
    const char *name; /* in the form in which names are compared */
    int64_t user_id;
    const char *password_hash;
};

/* The account of that name. When there is none, STORE_MISSING, and the name alone is set. */
enum store_outcome user_store_find(struct db *db, const char *name, size_t length, struct account *account);

/* The account of the user with that id. */
enum store_outcome user_store_get_account(struct db *db, int64_t id, struct account *account);

/* Puts another hash of the same password into the place of the old one, if that is still there. */
enum store_outcome user_store_rehash(struct db *db, int64_t id, const char *old_hash, const char *new_hash);

/* Changes the password and ends the user's sessions, all but the one with that token. STORE_CHANGED when the old
 * hash isn't there any more. */
enum store_outcome user_store_change_password(struct db *db, int64_t id, const char *old_hash,
                                              const char *new_hash, const char *token);

#endif
