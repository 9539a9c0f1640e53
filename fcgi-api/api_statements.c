#include "fcgi-api/api_statements.h"

#include "lib/db/secret.h"
#include "lib/http/idempotency.h"
#include "lib/http/session.h"

/* clang-format off */

#define TIMESTAMP(us)      "timestamptz 'epoch' + " us "::bigint * interval '1 microsecond'"

#define VIDEO_VIEWS "coalesce((SELECT t.views FROM video_traffic t WHERE t.video_id = v.id), 0)"

/* The columns that video_from_row reads, of videos v. author: SQL, the author's name. */
#define VIDEO_COLUMNS_BY(author) \
    "v.id, v.author_id, " author ", v.title, v.description, v.create_time, v.size, v.content_type," \
    " v.revision, " VIDEO_VIEWS ", EXISTS (SELECT FROM posters p WHERE p.video_id = v.id)"

/* The same for videos v joined with users u. */
#define VIDEO_COLUMNS VIDEO_COLUMNS_BY("u.name")

/* Locks the video $1. may_change: user $2 is its author, and its revision is one of $3,
 * where NULL allows any revision. */
#define VIDEO_TO_CHANGE \
    "SELECT id, author_id, author_id = $2::bigint" \
    " AND ($3::bigint[] IS NULL OR revision = ANY ($3::bigint[])) AS may_change" \
    " FROM videos WHERE id = $1::bigint FOR UPDATE"

/* The columns that comment_from_row reads, of comments c joined with users u. */
#define COMMENT_COLUMNS \
    "c.id::text, c.video_id, c.author_id, u.name, c.content, c.post_time"

/* The first $3 of the rows, which are already ordered. A page has at most 101 rows. With
 * that constant, PostgreSQL's generic plan costs no more than a plan for a known limit,
 * so it plans the statement once. Planning it each time would take longer than reading
 * the rows. */
#define PAGE_OF(rows) "SELECT * FROM (" rows " LIMIT 101) page LIMIT $3::bigint"

/* The form in which names are compared; the same expression as index users_name_key. */
#define NAME_KEY(name) "lower(normalize(" name ", NFKC))"

const struct db_statement api_statements[STATEMENT_COUNT] = {
    [SECRET_FIND] = {"secret_find", SECRET_FIND_SQL, .read = true},

    [IDEMPOTENCY_CLAIM] = {"idempotency_claim", IDEMPOTENCY_CLAIM_SQL},
    [IDEMPOTENCY_FIND] = {"idempotency_find", IDEMPOTENCY_FIND_SQL, .read = true},
    [IDEMPOTENCY_SAVE] = {"idempotency_save", IDEMPOTENCY_SAVE_SQL},

    [SESSION_FIND] = {"session_find", SESSION_FIND_SQL, .read = true},
    [SESSION_CREATE] = {"session_create",
                        "INSERT INTO sessions (token_hash, user_id, expires_at, ends_at)"
                        " SELECT $1::bytea, id,"
                        " now() + least($4::bigint, $5::bigint) * interval '1 second',"
                        " now() + $5::bigint * interval '1 second'"
                        " FROM users WHERE id = $2::bigint AND password_hash = $3::text FOR SHARE"
                        " RETURNING user_id"},
    [SESSION_DELETE] = {"session_delete", "DELETE FROM sessions WHERE token_hash = $1::bytea"},
    [SESSION_DELETE_BY_ID] = {"session_delete_by_id",
                              "DELETE FROM sessions"
                              " WHERE id = $1::uuid AND user_id = $2::bigint AND expires_at > now()"
                              " RETURNING user_id"},
    [SESSION_LIST] = {"session_list",
                      "SELECT id::text, create_time, use_time, expires_at, token_hash = $5::bytea"
                      " FROM sessions WHERE (create_time, id) < (" TIMESTAMP("$1") ", $2::uuid)"
                      " AND user_id = $4::bigint AND expires_at > now()"
                      " ORDER BY create_time DESC, id DESC LIMIT $3::bigint",
                      .read = true},

    [USER_CREATE] = {"user_create",
                     "INSERT INTO users (name, password_hash) VALUES ($1::text, $2::text)"
                     " ON CONFLICT DO NOTHING"
                     " RETURNING id, name, create_time"},
    [USER_CREATE_IDEMPOTENT] = {"user_create_idempotent",
                          "SELECT user_id, user_name, user_time, first_hash"
                          " FROM register_user_idempotent($3::text, $1::text, $2::text)"},
    [USER_GET] = {"user_get",
                  "SELECT id, name, create_time FROM users WHERE id = $1::bigint",
                  .read = true},
    /* Always one row. For an unknown user every column but the first is NULL. */
    [USER_FIND] = {"user_find",
                   "SELECT k.name, u.id, u.password_hash"
                   " FROM (SELECT " NAME_KEY("$1::text") " AS name) k"
                   " LEFT JOIN users u ON " NAME_KEY("u.name") " = k.name",
                   .read = true},
    [USER_ACCOUNT] = {"user_account",
                      "SELECT " NAME_KEY("name") ", id, password_hash FROM users WHERE id = $1::bigint",
                      .read = true},
    [USER_REHASH] = {"user_rehash",
                     "UPDATE users SET password_hash = $3::text"
                     " WHERE id = $1::bigint AND password_hash = $2::text"},
    [USER_CHANGE_PASSWORD] = {"user_change_password",
                              "SELECT change_password($1::bigint, $2::text, $3::text, $4::bytea)"},

    [VIDEO_LIST] = {"video_list",
                    PAGE_OF("SELECT " VIDEO_COLUMNS " FROM videos v JOIN users u ON u.id = v.author_id"
                    " WHERE (v.create_time, v.id) < (" TIMESTAMP("$1") ", $2::bigint)"
                    " ORDER BY v.create_time DESC, v.id DESC"),
                    .read = true},
    [VIDEO_LIST_READY] = {"video_list_ready",
                          PAGE_OF("SELECT " VIDEO_COLUMNS " FROM videos v JOIN users u ON u.id = v.author_id"
                          " WHERE (v.create_time, v.id) < (" TIMESTAMP("$1") ", $2::bigint)"
                          " AND v.media_key IS NOT NULL"
                          " ORDER BY v.create_time DESC, v.id DESC"),
                          .read = true},
    /* Whole words, or any part of the text; the expression is that of videos_text_idx. */
    [VIDEO_SEARCH] = {"video_search",
                      "SELECT " VIDEO_COLUMNS " FROM videos v JOIN users u ON u.id = v.author_id"
                      " WHERE (v.create_time, v.id) < (" TIMESTAMP("$1") ", $2::bigint)"
                      " AND (v.words @@ plainto_tsquery('simple', $4::text)"
                      " OR (v.title || E'\\n' || v.description) ILIKE $5::text)"
                      " AND ($6::bigint = 0 OR v.media_key IS NOT NULL)"
                      " ORDER BY v.create_time DESC, v.id DESC LIMIT $3::bigint",
                      .read = true, .replan = true},
    [VIDEO_LIST_OF_USER] = {"video_list_of_user",
                            PAGE_OF("SELECT " VIDEO_COLUMNS " FROM videos v JOIN users u ON u.id = v.author_id"
                            " WHERE (v.create_time, v.id) < (" TIMESTAMP("$1") ", $2::bigint)"
                            " AND v.author_id = $4::bigint"
                            " ORDER BY v.create_time DESC, v.id DESC"),
                            .read = true},
    /* A fixed number of ids, padded with duplicates, and no join: it is planned once. */
    [VIDEO_GET] = {"video_get",
                   "SELECT " VIDEO_COLUMNS_BY("(SELECT u.name FROM users u WHERE u.id = v.author_id)")
                   " FROM videos v WHERE v.id IN ($1::bigint, $2::bigint, $3::bigint, $4::bigint,"
                   " $5::bigint, $6::bigint, $7::bigint, $8::bigint)",
                   .read = true},
    [VIDEO_CREATE] = {"video_create",
                      "WITH v AS (INSERT INTO videos (author_id, title, description)"
                      " VALUES ($1::bigint, $2::text, $3::text) RETURNING *)"
                      " SELECT " VIDEO_COLUMNS " FROM v JOIN users u ON u.id = v.author_id"},

    /* Last column: the author's id. The others are NULL when the video was not edited. */
    [VIDEO_EDIT] = {"video_edit",
                    "WITH old AS (" VIDEO_TO_CHANGE "),"
                    " v AS (UPDATE videos SET title = coalesce($4::text, title),"
                    " description = coalesce($5::text, description)"
                    " FROM old WHERE videos.id = old.id AND may_change RETURNING videos.*)"
                    " SELECT " VIDEO_COLUMNS ", old.author_id"
                    " FROM old JOIN users u ON u.id = old.author_id LEFT JOIN v ON true"},

    /* Deletes the row and queues its files, atomically. Last column: the author's id. */
    [VIDEO_DELETE] = {"video_delete",
                      "WITH old AS (" VIDEO_TO_CHANGE ")"
                      " SELECT CASE WHEN may_change THEN video_delete(id, $4::bigint) ELSE false END, author_id"
                      " FROM old"},

    [COMMENT_LIST] = {"comment_list",
                      PAGE_OF("SELECT " COMMENT_COLUMNS " FROM comments c JOIN users u ON u.id = c.author_id"
                      " WHERE (c.post_time, c.id) < (" TIMESTAMP("$1") ", $2::uuid)"
                      " AND c.video_id = $4::bigint"
                      " ORDER BY c.post_time DESC, c.id DESC"),
                      .read = true},
    [COMMENT_CREATE] = {"comment_create",
                        "WITH c AS (INSERT INTO comments (id, video_id, author_id, content)"
                        " SELECT $1::uuid, id, $3::bigint, $4::text FROM videos WHERE id = $2::bigint"
                        " RETURNING *)"
                        " SELECT " COMMENT_COLUMNS " FROM c JOIN users u ON u.id = c.author_id"},

    /* Allowed for the authors of comment and video. Columns: allowed, deleted. */
    [COMMENT_DELETE] = {"comment_delete",
                        "WITH old AS (SELECT c.id, $3::bigint IN (c.author_id, v.author_id) AS may_delete"
                        " FROM comments c JOIN videos v ON v.id = c.video_id"
                        " WHERE c.id = $1::uuid AND c.video_id = $2::bigint),"
                        " gone AS (DELETE FROM comments c USING old WHERE c.id = old.id AND may_delete"
                        " RETURNING c.id)"
                        " SELECT may_delete, (SELECT count(*) FROM gone) FROM old"},

    [DELETION_COUNT] = {"deletion_count",
                        "SELECT count(*) FILTER (WHERE dead_at IS NULL), count(dead_at) FROM video_deletions",
                        .read = true},
    [READY] = {"ready", "SELECT 1", .read = true},
};
