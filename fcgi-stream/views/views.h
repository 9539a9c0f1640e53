/* The queue of responses to be counted. The supervisor, which reads the journal, appends
 * them; the accounting process writes them to the database.
 *
 * It is a ring buffer in a file on tmpfs with one writer and one reader. Its positions
 * only grow. The database stores the position up to which entries are counted in the same
 * transaction as the counts, so no entry is counted twice, whichever process dies. */
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

/* Maps the queue in the run folder; creates it when it is missing or has another layout.
 * Returns NULL after logging the reason. */
struct views *views_open(const struct config *config);

/* Unmaps the queue and frees the struct. Its entries stay. */
void views_close(struct views *views);

/* The id of this queue, a UUID. A queue that is created anew has another one. */
const char *views_id(const struct views *views);

/* Appends an entry. Returns false, and drops it, when the queue is full. */
bool views_add(struct views *views, const struct view *view);

/* Copies up to max of the next entries to out, without removing them. Returns how many
 * and sets *position to that of the first. */
size_t views_peek(const struct views *views, struct view *out, size_t max, uint64_t *position);

/* Removes all entries before the position. A position that is outside the queue is
 * ignored. */
void views_mark_counted(struct views *views, uint64_t position);

#endif
