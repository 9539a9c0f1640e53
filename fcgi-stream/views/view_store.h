/* Views and traffic in the database. */
#ifndef FCGI_STREAM_VIEWS_VIEW_STORE_H
#define FCGI_STREAM_VIEWS_VIEW_STORE_H

#include "fcgi-stream/views/views.h"
#include "lib/db/store.h"

/* How far the queue of that id has been counted; STORE_MISSING when nothing of it has. */
enum store_outcome view_store_position(struct db *db, const char *queue, int64_t *position);

/* Counts the batch, which begins at that position of the queue: all of it, or nothing. STORE_CONFLICT when the
 * queue has been counted to another position. */
enum store_outcome view_store_count(struct db *db, const char *queue, uint64_t position,
                                    const struct view *batch, size_t count);

#endif
