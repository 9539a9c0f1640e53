/* Views and traffic in the database. */
#ifndef FCGI_STREAM_VIEWS_VIEW_STORE_H
#define FCGI_STREAM_VIEWS_VIEW_STORE_H

#include "fcgi-stream/views/views.h"
#include "lib/db/store.h"

/* Reads the position up to which the queue has been counted. Returns STORE_MISSING when
 * nothing of it has been counted yet. */
enum store_outcome view_store_position(struct db *db, const char *queue, int64_t *position);

/* Counts a batch that begins at the position, all of it or nothing. Returns
 * STORE_CONFLICT when the queue has been counted past the position. */
enum store_outcome view_store_count(struct db *db, const char *queue, uint64_t position,
                                    const struct view *batch, size_t count);

#endif
