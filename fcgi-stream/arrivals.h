/* Films that are arriving: the disk gets what there is of one while nginx still writes the rest, and one in a form is
 * taken out of it (form.h), so that little is left to do and to wait for when the whole has to be made durable.
 *
 * It is no more than an early start. Nothing depends on it: a film that is not noticed is copied and written when it is
 * published, and nobody waits for one that does not get on. Later pieces of an upload in pieces are left alone, unless they
 * look like a form. While no film arrives, nothing is done. */
#ifndef ARRIVALS_H
#define ARRIVALS_H

#include "media.h"

struct arrivals;

/* Begins to look out for them. NULL is logged. */
struct arrivals *arrivals_open(const struct media *media);
void arrivals_close(struct arrivals *arrivals);

/* Readable when the body of a request has begun to arrive. */
int arrivals_fd(const struct arrivals *arrivals);

/* Does what there is to do for one of them, if for any. Returns the milliseconds after which it is to be called again, even if
 * nothing is readable; -1 when nothing is arriving. */
int arrivals_look(struct arrivals *arrivals);

#endif
