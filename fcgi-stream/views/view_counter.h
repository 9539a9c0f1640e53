/* Writes into the database what was sent of which video (views.h). */
#ifndef FCGI_STREAM_VIEWS_VIEW_COUNTER_H
#define FCGI_STREAM_VIEWS_VIEW_COUNTER_H

#include "fcgi-stream/views/views.h"
#include "lib/base/arena.h"
#include "lib/db/db.h"

enum { VIEW_BATCH = 1000 };

struct view_counter {
    struct db *db;
    struct arena *arena;
    struct views *views;
    bool in_step; /* the queue's position is the database's; at first it isn't */
    struct view batch[VIEW_BATCH];
};

/* Counts what is there now, as far as the database can be reached. */
void view_counter_count(struct view_counter *counter);

#endif
