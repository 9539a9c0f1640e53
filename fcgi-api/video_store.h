/* Videos in the database. Texts live as long as the request. */
#ifndef FCGI_API_VIDEO_STORE_H
#define FCGI_API_VIDEO_STORE_H

#include "lib/db/store.h"
#include "lib/http/page.h"

struct video {
    int64_t id, author_id;
    const char *author_name, *title, *description;
    int64_t create_time_us; /* since 1970 */
    bool ready;             /* it has a file; the two below are its */
    int64_t size;
    const char *content_type;
    int64_t views;
    bool poster;      /* it has one */
    int64_t revision; /* raised by each edit and each new file */
};

/* An edit: what is NULL stays as it is. */
struct video_edit {
    const char *title, *description;
    const char *revisions; /* those that it may be made of, see etag_match; NULL: any */
};

enum store_outcome video_store_create(struct db *db, int64_t author_id, const char *title,
                                      const char *description, struct video *video);

/* STORE_FORBIDDEN when it is another author's, STORE_CHANGED when it has another revision. */
enum store_outcome video_store_edit(struct db *db, int64_t id, int64_t author_id,
                                    const struct video_edit *edit, struct video *video);

/* The same outcomes. Its file, if there is one, is queued for deletion. */
enum store_outcome video_store_delete(struct db *db, int64_t id, int64_t author_id, const char *revisions,
                                      int64_t grace_s);

/* The lists have one row more than the page's limit, newest first, where there are as many. ready: only those
 * that can be watched. */
enum store_outcome video_store_list(struct db *db, const struct page *page, bool ready, struct db_rows *rows);
enum store_outcome video_store_list_of_user(struct db *db, const struct page *page, int64_t author_id,
                                            struct db_rows *rows);
/* Those that have the words, or something like the pattern (of ILIKE) in title and description. */
enum store_outcome video_store_search(struct db *db, const struct page *page, const char *words,
                                      const char *pattern, bool ready, struct db_rows *rows);

/* The video in a row of a list. */
void video_from_row(const struct db_rows *rows, int row, struct video *video);

#endif
