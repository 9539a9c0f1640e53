/* The queue of responses whose bytes are to be counted, from the supervisor, which reads the journal, to the
 * process that writes to the database.
 *
 * It is a ring in a file on tmpfs with one writer and one reader. Its positions only grow; the database keeps
 * the one up to which all has been counted, so that nothing is counted twice, whoever dies when. */
#ifndef FCGI_STREAM_VIEWS_VIEWS_H
#define FCGI_STREAM_VIEWS_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"
#include "lib/base/config.h"
#include "lib/base/param.h"

/* Bytes of a video that were sent to a client. */
struct view {
    int64_t video_id;
    uint64_t client;
    int64_t bytes;
};

struct views;

/* Maps the queue in the run folder; makes it when it is missing or of another layout. NULL is logged. */
struct views *views_open(const struct config *config);
void views_close(struct views *views);

/* What tells this queue from others, and from what it was before the machine was started again. */
const char *views_id(const struct views *views);

/* Adds one; it is lost, and false returned, when the queue is full. */
bool views_add(struct views *views, const struct view *view);

/* Copies those that come next, up to max; returns how many. *position is that of the first. */
size_t views_peek(const struct views *views, struct view *out, size_t max, uint64_t *position);

/* All before that position have been counted. One that is behind, or that the queue has not come to, changes
 * nothing. */
void views_counted(struct views *views, uint64_t position);

#endif
