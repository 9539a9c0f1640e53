#include "fcgi-api/session_store.h"

#include <string.h>

#include "fcgi-api/api_statements.h"

void session_from_row(const struct db_rows *rows, int row, struct session *session)
{
    *session = (struct session){
        .id = db_text(rows, row, 0),
        .create_time_us = db_time_us(rows, row, 1),
        .use_time_us = db_time_us(rows, row, 2),
        .expires_time_us = db_time_us(rows, row, 3),
        .current = db_number(rows, row, 4) != 0,
    };
}

enum store_outcome session_store_create(struct db *db, const char *token, int64_t user_id,
                                        const char *password_hash, const struct config *config)
{
    unsigned char hash[SESSION_HASH_SIZE];
    struct db_params params = {0};
    struct db_rows rows;
    if (!session_hash(token, hash))
        return STORE_FAILED;
    db_bind_bytes(&params, hash, sizeof hash);
    db_bind_number(&params, user_id);
    db_bind_text(&params, password_hash, strlen(password_hash));
    db_bind_number(&params, config->session_ttl_s);
    db_bind_number(&params, config->session_max_s);
    enum db_outcome outcome = db_query(db, SESSION_CREATE, &params, &rows);
    return outcome == DB_DONE && rows.count == 0 ? STORE_MISSING : store_outcome_from_db(outcome);
}

enum store_outcome session_store_delete(struct db *db, const char *token)
{
    unsigned char hash[SESSION_HASH_SIZE];
    struct db_params params = {0};
    if (!session_hash(token, hash))
        return STORE_MISSING;
    db_bind_bytes(&params, hash, sizeof hash);
    return store_outcome_from_db(db_query(db, SESSION_DELETE, &params, NULL));
}

enum store_outcome session_store_delete_by_id(struct db *db, int64_t user_id, const char *id)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_literal(&params, id);
    db_bind_number(&params, user_id);
    enum db_outcome outcome = db_query(db, SESSION_DELETE_BY_ID, &params, &rows);
    return outcome == DB_DONE && rows.count == 0 ? STORE_MISSING : store_outcome_from_db(outcome);
}

enum store_outcome session_store_list(struct db *db, const struct page *page, int64_t user_id,
                                      const char *token, struct db_rows *rows)
{
    unsigned char hash[SESSION_HASH_SIZE];
    struct db_params params = {0};
    if (!session_hash(token, hash))
        return STORE_FAILED;
    db_bind_number(&params, page->time_us);
    db_bind_literal(&params, page->uuid);
    db_bind_number(&params, page->limit + 1);
    db_bind_number(&params, user_id);
    db_bind_bytes(&params, hash, sizeof hash);
    return store_outcome_from_db(db_query(db, SESSION_LIST, &params, rows));
}
