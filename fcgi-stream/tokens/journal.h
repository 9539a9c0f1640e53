/* The journal: an nginx access log that reports the end of each request, however it
 * ended.
 *
 * The supervisor follows the file. For each line it releases the request's tokens, queues
 * the bytes sent of a video to be counted, and saves or deletes a request body that no
 * worker has taken over. The part that has been read is punched out of the file, so that
 * it occupies little memory. The read offset is stored in the bucket, so a restart misses
 * no line. */
#ifndef FCGI_STREAM_TOKENS_JOURNAL_H
#define FCGI_STREAM_TOKENS_JOURNAL_H

#include "fcgi-stream/tokens/bucket.h"
#include "fcgi-stream/views/views.h"
#include "lib/base/config.h"
#include "lib/media/media.h"

struct journal;

/* Opens the journal in the run folder; creates it when it is missing. bucket, media and
 * views must outlive the journal. Returns NULL after logging the reason. */
struct journal *journal_open(const struct config *config, struct bucket *bucket, const struct media *media,
                             struct views *views);

/* Closes the files and frees the struct. */
void journal_close(struct journal *journal);

/* A descriptor that becomes readable when the journal may have new lines. */
int journal_fd(const struct journal *journal);

/* Applies all new lines. Keeps memory allocated behind the last one, so that nginx can
 * write even when the file system is full. */
void journal_follow(struct journal *journal);

/* True when lines may have been lost in the last 10 seconds: no memory could be kept
 * ready for them, or the file was truncated. */
WARN_UNUSED bool journal_may_have_lost_lines(const struct journal *journal);

#endif
