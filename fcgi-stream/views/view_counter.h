/* Moves the entries of the view queue (views.h) to the database. */
#ifndef FCGI_STREAM_VIEWS_VIEW_COUNTER_H
#define FCGI_STREAM_VIEWS_VIEW_COUNTER_H

#include "fcgi-stream/views/views.h"
#include "lib/base/arena.h"
#include "lib/db/db.h"

enum { VIEW_BATCH = 1000 };

/* db, arena and views belong to the caller. */
struct view_counter {
    struct db *db;
    struct arena *arena;
    struct views *views;
    bool synchronized; /* the queue's position is the database's; initially false */
    struct view batch[VIEW_BATCH];
};

/* Counts all entries in the queue, until it is empty or the database fails. Entries that
 * could not be counted stay in the queue. */
void view_counter_count(struct view_counter *counter);

#endif
