#include "fcgi-api/user_store.h"

#include <string.h>

#include "fcgi-api/api_statements.h"
#include "lib/http/session.h"

static enum store_outcome read_user(enum db_outcome outcome, const struct db_rows *rows,
                                    enum store_outcome if_none, struct user *user)
{
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows->count == 0)
        return if_none;
    *user = (struct user){
        .id = db_number(rows, 0, 0), .name = db_text(rows, 0, 1), .create_time_us = db_time_us(rows, 0, 2)};
    return STORE_DONE;
}

static void bind_new_user(struct db_params *params, const struct new_user *new_user)
{
    db_bind_text(params, new_user->name, new_user->name_length);
    db_bind_text(params, new_user->password_hash, strlen(new_user->password_hash));
}

enum store_outcome user_store_create(struct db *db, const struct new_user *new_user, struct user *user)
{
    struct db_params params = {0};
    struct db_rows rows;
    bind_new_user(&params, new_user);
    enum db_outcome outcome = db_query(db, USER_CREATE, &params, &rows);
    return read_user(outcome, &rows, STORE_CONFLICT, user);
}

/* A transaction of one query, and its result. */
struct query {
    struct db *db;
    struct db_params params;
    struct db_rows rows;
    enum db_outcome outcome;
};

static bool create_idempotent(void *argument)
{
    struct query *query = argument;
    query->outcome = db_query(query->db, USER_CREATE_IDEMPOTENT, &query->params, &query->rows);
    return query->outcome == DB_DONE;
}

enum store_outcome user_store_create_idempotent(struct db *db, const char *key,
                                                const struct new_user *new_user, struct user *user,
                                                const char **first_hash)
{
    struct query query = {.db = db};
    const struct db_work work = {create_idempotent, &query, .repeatable = true};
    bind_new_user(&query.params, new_user);
    db_bind_text(&query.params, key, strlen(key));
    enum db_outcome outcome = db_transaction(db, &work);
    enum store_outcome result =
        read_user(outcome == DB_DONE ? query.outcome : outcome, &query.rows, STORE_CONFLICT, user);
    if (result == STORE_DONE)
        *first_hash = db_text(&query.rows, 0, 3);
    return result;
}

enum store_outcome user_store_get(struct db *db, int64_t id, struct user *user)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, id);
    enum db_outcome outcome = db_query(db, USER_GET, &params, &rows);
    return read_user(outcome, &rows, STORE_MISSING, user);
}

static enum store_outcome read_account(enum db_outcome outcome, const struct db_rows *rows,
                                       struct account *account)
{
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    if (rows->count == 0)
        return STORE_MISSING;
    *account = (struct account){
        .name = db_text(rows, 0, 0), .user_id = db_number(rows, 0, 1), .password_hash = db_text(rows, 0, 2)};
    return db_is_null(rows, 0, 1) ? STORE_MISSING : STORE_DONE;
}

enum store_outcome user_store_find(struct db *db, const char *name, size_t length, struct account *account)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_text(&params, name, length);
    return read_account(db_query(db, USER_FIND, &params, &rows), &rows, account);
}

enum store_outcome user_store_get_account(struct db *db, int64_t id, struct account *account)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, id);
    return read_account(db_query(db, USER_ACCOUNT, &params, &rows), &rows, account);
}

static void bind_hashes(struct db_params *params, int64_t id, const char *old_hash, const char *new_hash)
{
    db_bind_number(params, id);
    db_bind_text(params, old_hash, strlen(old_hash));
    db_bind_text(params, new_hash, strlen(new_hash));
}

enum store_outcome user_store_rehash(struct db *db, int64_t id, const char *old_hash, const char *new_hash)
{
    struct db_params params = {0};
    bind_hashes(&params, id, old_hash, new_hash);
    return store_outcome_from_db(db_query(db, USER_REHASH, &params, NULL));
}

enum store_outcome user_store_change_password(struct db *db, int64_t id, const char *old_hash,
                                              const char *new_hash, const char *token)
{
    unsigned char hash[SESSION_HASH_SIZE];
    struct db_params params = {0};
    struct db_rows rows;
    if (!session_hash(token, hash))
        return STORE_FAILED;
    bind_hashes(&params, id, old_hash, new_hash);
    db_bind_bytes(&params, hash, sizeof hash);
    enum db_outcome outcome = db_query(db, USER_CHANGE_PASSWORD, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    return db_number(&rows, 0, 0) ? STORE_DONE : STORE_CHANGED;
}
