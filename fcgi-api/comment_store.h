/* Comments in the database. Texts live as long as the request. */
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

/* STORE_MISSING when there is no such video. */
enum store_outcome comment_store_create(struct db *db, int64_t video_id, int64_t author_id,
                                        const char *content, struct comment *comment);

/* One row more than the page's limit, newest first, where there are as many; none for an unknown video. */
enum store_outcome comment_store_list(struct db *db, const struct page *page, int64_t video_id,
                                      struct db_rows *rows);

/* STORE_FORBIDDEN when neither the comment nor the video is that user's. */
enum store_outcome comment_store_delete(struct db *db, int64_t video_id, const char *id, int64_t user_id);

/* The comment in a row of what comment_store_list gave. */
void comment_from_row(const struct db_rows *rows, int row, struct comment *comment);

#endif
