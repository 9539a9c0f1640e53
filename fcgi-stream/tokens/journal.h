/* The journal: nginx's log phase tells us here that it is done with a response, however that ended.
 *
 * The supervisor follows the file, gives back the tokens that it names, has the bytes counted that were sent of
 * a video, removes upload bodies that nobody took
 * over, and punches a hole behind itself, so that the file takes no memory. How far it has read is kept beside
 * the tokens, so a restart misses nothing. */
#ifndef FCGI_STREAM_TOKENS_JOURNAL_H
#define FCGI_STREAM_TOKENS_JOURNAL_H

#include "fcgi-stream/tokens/bucket.h"
#include "fcgi-stream/views/views.h"
#include "lib/base/config.h"
#include "lib/media/media.h"

struct journal;

/* Opens the journal in the run folder, makes it if it is missing. NULL is logged. */
struct journal *journal_open(const struct config *config, struct bucket *bucket, const struct media *media,
                             struct views *views);

void journal_close(struct journal *journal);

/* Readable when something may have been written. */
int journal_fd(const struct journal *journal);

/* Does what the new lines say, and keeps room for more, so that nginx finds some when the file system is full. */
void journal_follow(struct journal *journal);

/* True when lines may have been lost in the last few seconds: there was no room to keep, or someone has emptied
 * the file. */
WARN_UNUSED bool journal_may_have_lost_lines(const struct journal *journal);

#endif
