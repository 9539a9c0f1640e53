/* Lets a request wait for pending releases before it is rejected.
 *
 * A token is free as soon as nginx has written its journal line, but the supervisor reads
 * the lines in batches, and on a busy machine only when it is scheduled. */
#ifndef FCGI_STREAM_TOKENS_JOURNAL_WAIT_H
#define FCGI_STREAM_TOKENS_JOURNAL_WAIT_H

#include "fcgi-stream/tokens/bucket.h"
#include "lib/base/config.h"

/* Waits until the lines that are in the journal now have been applied, at most 100 ms. */
void journal_wait(const struct config *config, struct bucket *bucket);

#endif
