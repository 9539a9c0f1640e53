/* Comments in the database. Texts in results live as long as the request's arena. */
#ifndef FCGI_API_COMMENT_STORE_H
#define FCGI_API_COMMENT_STORE_H

#include "lib/db/store.h"
#include "lib/http/page.h"

struct comment {
    const char *id; /* a UUID */
    int64_t video_id, author_id;
    const char *author_name, *content;
    int64_t post_time_us; /* since 1970 */
};

/* Creates a comment and reads it back. STORE_MISSING when the video does not exist. */
enum store_outcome comment_store_create(struct db *db, int64_t video_id, int64_t author_id,
                                        const char *content, struct comment *comment);

/* Reads up to limit + 1 rows of the page, newest first. An unknown video has no rows. */
enum store_outcome comment_store_list(struct db *db, const struct page *page, int64_t video_id,
                                      struct db_rows *rows);

/* STORE_MISSING when the video has no such comment; STORE_FORBIDDEN when the user wrote
 * neither the comment nor the video. */
enum store_outcome comment_store_delete(struct db *db, int64_t video_id, const char *id, int64_t user_id);

/* Reads the comment in a row of comment_store_list. */
void comment_from_row(const struct db_rows *rows, int row, struct comment *comment);

#endif
