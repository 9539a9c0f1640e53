/* For who is about to refuse a token: the tokens that nginx has given back count, whether the supervisor has read of them
 * yet or not. It reads the lines of some moments together, and on a busy machine it waits for its turn. */
#ifndef FCGI_STREAM_TOKENS_JOURNAL_WAIT_H
#define FCGI_STREAM_TOKENS_JOURNAL_WAIT_H

#include "fcgi-stream/tokens/bucket.h"
#include "lib/base/config.h"

/* Waits until what nginx has written to the journal by now has been read, 100 ms at most. */
void journal_wait(const struct config *config, struct bucket *bucket);

#endif
