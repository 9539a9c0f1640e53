/* The token bucket: how many videos are sent, and uploads received, at one time.
 *
 * A table of slots in a file on tmpfs that all workers map. A held token is a slot with the request it was
 * taken for; it outlives the process that took it, since nginx still sends when the FastCGI request is long
 * over. It comes back through the journal (journal.h), or when the nginx worker that sends has died. The slots
 * themselves are the count: nothing can get out of step. */
#ifndef BUCKET_H
#define BUCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "compiler.h"
#include "config.h"

enum bucket_kind { BUCKET_STREAM, BUCKET_UPLOAD, BUCKET_KINDS };

enum bucket_outcome {
    BUCKET_TAKEN,
    BUCKET_FULL,        /* all tokens are out */
    BUCKET_CLIENT_FULL, /* this client has as many as one may have */
};

enum { BUCKET_REQUEST_ID_BYTES = 16, BUCKET_TOKEN_SIZE = 40 };

struct bucket;

/* Who takes a token. */
struct bucket_holder {
    unsigned char request_id[BUCKET_REQUEST_ID_BYTES]; /* nginx's $request_id */
    pid_t nginx_pid;
    uint64_t client; /* a hash of what tells clients apart */
};

/* Maps the bucket in the run folder, with the tokens that are out; makes it when it is missing or of another
 * layout. NULL is logged. The supervisor calls it before the first fork. */
struct bucket *bucket_open(const struct config *config);

/* Unmaps it; the tokens stay out. */
void bucket_close(struct bucket *bucket);

/* Takes a token. Its name, for bucket_release, is written to token. */
enum bucket_outcome bucket_acquire(struct bucket *bucket, enum bucket_kind kind,
                                   const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE]);

/* Gives back the token of that name. False when it is not, or no longer, out. */
bool bucket_release(struct bucket *bucket, const char *token);

/* Gives back all tokens taken for a request; returns how many. */
int bucket_release_request(struct bucket *bucket, const unsigned char request_id[BUCKET_REQUEST_ID_BYTES]);

/* Frees the slots that a worker was taking when it died. */
void bucket_worker_ended(struct bucket *bucket, pid_t pid);

/* Gives back the tokens whose nginx worker has died; returns how many. */
int bucket_reap(struct bucket *bucket);

/* Tokens of a kind that are out. */
int bucket_in_use(const struct bucket *bucket, enum bucket_kind kind);

/* Where the journal has been read to, kept with the tokens so that both are of one moment. */
struct bucket_position {
    uint64_t device, inode, offset;
};
struct bucket_position *bucket_position(struct bucket *bucket);

#endif
