/* Users in the database. Texts in results live as long as the request's arena. */
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

/* Creates a user. STORE_CONFLICT when the name is taken. */
enum store_outcome user_store_create(struct db *db, const struct new_user *new_user, struct user *user);

/* Creates a user at most once per Idempotency-Key. With a key that was used before, it
 * reads the user created then. *first_hash is the hash of the password of the request
 * that created the user. */
enum store_outcome user_store_create_idempotent(struct db *db, const char *key,
                                                const struct new_user *new_user, struct user *user,
                                                const char **first_hash);

/* STORE_MISSING when there is no such user. */
enum store_outcome user_store_get(struct db *db, int64_t id, struct user *user);

/* What a password is verified against. */
struct account {
    const char *name; /* in the form in which the database compares names */
    int64_t user_id;
    const char *password_hash;
};

/* Finds an account by name. account->name is set on STORE_MISSING, too. */
enum store_outcome user_store_find(struct db *db, const char *name, size_t length, struct account *account);

/* Finds an account by user id. */
enum store_outcome user_store_get_account(struct db *db, int64_t id, struct account *account);

/* Replaces the password hash by another one of the same password. Does nothing, and
 * returns STORE_DONE, when the old hash has been replaced meanwhile. */
enum store_outcome user_store_rehash(struct db *db, int64_t id, const char *old_hash, const char *new_hash);

/* Sets the password hash and ends all sessions of the user except the one with that
 * token. STORE_CHANGED when the old hash has been replaced meanwhile. */
enum store_outcome user_store_change_password(struct db *db, int64_t id, const char *old_hash,
                                              const char *new_hash, const char *token);

#endif
