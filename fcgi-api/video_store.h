/* Videos in the database. Texts in results live as long as the request's arena. */
#ifndef FCGI_API_VIDEO_STORE_H
#define FCGI_API_VIDEO_STORE_H

#include "lib/db/store.h"
#include "lib/http/page.h"

struct video {
    int64_t id, author_id;
    const char *author_name, *title, *description;
    int64_t create_time_us; /* since 1970 */
    bool ready;             /* it has a file: size and content_type are set */
    int64_t size;           /* bytes */
    const char *content_type;
    int64_t views;
    bool has_poster;
    int64_t revision; /* incremented by each edit and each new file */
};

/* A title or description that is NULL is not changed. */
struct video_edit {
    const char *title, *description;
    const char *revisions; /* accepted, see etag_match; NULL: any */
};

/* Creates a video without a file, and reads it back. */
enum store_outcome video_store_create(struct db *db, int64_t author_id, const char *title,
                                      const char *description, struct video *video);

/* Edits a video and reads it back. STORE_FORBIDDEN when it has another author,
 * STORE_CHANGED when it has none of the accepted revisions. */
enum store_outcome video_store_edit(struct db *db, int64_t id, int64_t author_id,
                                    const struct video_edit *edit, struct video *video);

/* Deletes a video and queues its files. Outcomes of video_store_edit. grace_s: how many
 * seconds it can be restored. */
enum store_outcome video_store_delete(struct db *db, int64_t id, int64_t author_id, const char *revisions,
                                      int64_t grace_s);

/* Lists read up to limit + 1 rows of the page, newest first. ready: only with a file. */
enum store_outcome video_store_list(struct db *db, const struct page *page, bool ready, struct db_rows *rows);
enum store_outcome video_store_list_of_user(struct db *db, const struct page *page, int64_t author_id,
                                            struct db_rows *rows);
/* Videos whose title or description has the words, or matches the ILIKE pattern. */
enum store_outcome video_store_search(struct db *db, const struct page *page, const char *words,
                                      const char *pattern, bool ready, struct db_rows *rows);

/* Reads the video in a row. */
void video_from_row(const struct db_rows *rows, int row, struct video *video);

#endif
