/* Films that are arriving: the disk gets what there is of one while nginx still writes the rest, and one in a form is
 * taken out of it (form.h), so that little is left to do and to wait for when the whole has to be made durable.
 *
 * It is no more than an early start. Nothing depends on it: a film that is not noticed is copied and written when it is
 * published, and nobody waits for one that does not get on. Later pieces of an upload in pieces are left alone, unless they
 * look like a form. While no film arrives, nothing is done. */
#ifndef FCGI_STREAM_UPLOADS_EARLY_WRITEBACK_H
#define FCGI_STREAM_UPLOADS_EARLY_WRITEBACK_H

#include "lib/media/media.h"

struct early_writeback;

/* Begins to look out for them. NULL is logged. */
struct early_writeback *early_writeback_open(const struct media *media);
void early_writeback_close(struct early_writeback *writeback);

/* Readable when the body of a request has begun to arrive. */
int early_writeback_fd(const struct early_writeback *writeback);

/* Does what there is to do for one of them, if for any. Returns the milliseconds after which it is to be called again, even if
 * nothing is readable; -1 when nothing is arriving. */
int early_writeback_step(struct early_writeback *writeback);

#endif
