/* Starts the write-back of video files while nginx is still receiving them, so that the
 * final fsync is short.
 *
 * Only an optimisation: a file that is missed is written by that fsync. Files that do not
 * begin like a video, such as forms and later chunks, are ignored. Idle while nothing
 * arrives. */
#ifndef FCGI_STREAM_UPLOADS_EARLY_WRITEBACK_H
#define FCGI_STREAM_UPLOADS_EARLY_WRITEBACK_H

#include "lib/media/media.h"

struct early_writeback;

/* Watches the incoming folder. Returns NULL after logging the reason. */
struct early_writeback *early_writeback_open(const struct media *media);
void early_writeback_close(struct early_writeback *writeback);

/* A descriptor that becomes readable when a request body starts to arrive. */
int early_writeback_fd(const struct early_writeback *writeback);

/* Checks at most one arriving file. Returns the milliseconds after which to call again if
 * the descriptor does not become readable before, or -1 when nothing is arriving. */
int early_writeback_step(struct early_writeback *writeback);

#endif
