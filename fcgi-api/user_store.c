#include "user_store.h"

#include <string.h>

#include "statements.h"

static enum store_outcome read_user(enum db_outcome outcome, const struct db_rows *rows,
                                    enum store_outcome none, struct user *user)
{
    if (outcome != DB_DONE)
        return store_of_db(outcome);
    if (rows->count == 0)
        return none;
    *user = (struct user){
        .id = db_number(rows, 0, 0), .name = db_text(rows, 0, 1), .create_time_us = db_time_us(rows, 0, 2)};
    return STORE_DONE;
}

enum store_outcome user_store_create(struct db *db, const char *name, size_t length,
                                     const char *password_hash, struct user *user)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_text(&params, name, length);
    db_bind_text(&params, password_hash, strlen(password_hash));
    enum db_outcome outcome = db_query(db, USER_CREATE, &params, &rows);
    return read_user(outcome, &rows, STORE_CONFLICT, user);
}

enum store_outcome user_store_get(struct db *db, int64_t id, struct user *user)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, id);
    enum db_outcome outcome = db_query(db, USER_GET, &params, &rows);
    return read_user(outcome, &rows, STORE_MISSING, user);
}

enum store_outcome user_store_find(struct db *db, const char *name, size_t length, int64_t *id,
                                   const char **password_hash)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_text(&params, name, length);
    enum db_outcome outcome = db_query(db, USER_FIND, &params, &rows);
    if (outcome != DB_DONE)
        return store_of_db(outcome);
    if (rows.count == 0)
        return STORE_MISSING;
    *id = db_number(&rows, 0, 0);
    *password_hash = db_text(&rows, 0, 1);
    return STORE_DONE;
}
