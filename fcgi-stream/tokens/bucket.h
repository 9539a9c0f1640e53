/* The token bucket: how many videos are sent, and uploads received, at one time.
 *
 * A table of slots in a file on tmpfs that all workers map. A held token is a slot with the request it was
 * taken for; it outlives the process that took it, since nginx still sends when the FastCGI request is long
 * over. It comes back through the journal (journal.h), or when the nginx worker that sends has died, or when
 * the client's connection is gone. The slots themselves are the count: nothing can get out of step. */
#ifndef FCGI_STREAM_TOKENS_BUCKET_H
#define FCGI_STREAM_TOKENS_BUCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fcgi-stream/tokens/connection.h"
#include "lib/base/compiler.h"
#include "lib/base/config.h"

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
    uint64_t client;                                   /* a hash of what tells clients apart */
    int64_t video_id;                                  /* that is sent; 0: none is */
    pid_t nginx_pid;
    struct connection connection;
};

/* Maps the bucket in the run folder, with the tokens that are out; makes it when it is missing or of another
 * layout. A limit gets the value of its setting when that has changed since; else it stays as it was. NULL is
 * logged. The supervisor calls it before the first fork. */
struct bucket *bucket_open(const struct config *config);

/* Maps the bucket of a site that runs. NULL, with errno set, when there is none; EPROTO when it is another
 * version's. */
struct bucket *bucket_attach(const struct config *config);

/* Unmaps it; the tokens stay out. */
void bucket_close(struct bucket *bucket);

/* Takes a token. Its name, for bucket_release, is written to token. */
enum bucket_outcome bucket_acquire(struct bucket *bucket, enum bucket_kind kind,
                                   const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE]);

/* Gives back the token of that name. False when it is not, or no longer, out; else *holder, unless NULL, is
 * who had it. */
bool bucket_release(struct bucket *bucket, const char *token, struct bucket_holder *holder);

/* Gives back all tokens taken for a request; returns how many. *holder, unless NULL, is who had the last. */
int bucket_release_request(struct bucket *bucket, const unsigned char request_id[BUCKET_REQUEST_ID_BYTES],
                           struct bucket_holder *holder);

/* Frees the slots that a worker was taking when it died. */
void bucket_worker_ended(struct bucket *bucket, pid_t pid);

/* Gives back the tokens whose nginx worker has died; returns how many, and counts them. */
int bucket_reap(struct bucket *bucket);

/* Gives back the tokens that have been out for min_age_ms and whose client's connection has gone; returns how
 * many, and counts them. */
int bucket_reap_connections(struct bucket *bucket, int64_t min_age_ms);

/* Tokens of a kind that are out. */
int bucket_in_use(const struct bucket *bucket, enum bucket_kind kind);

/* A number that is another one after each token of that kind that came back. */
uint64_t bucket_releases(const struct bucket *bucket, enum bucket_kind kind);

/* How many may be out, and how many of them one client may have (0: no cap). To lower a limit takes nothing away:
 * none is given out until fewer are out. A capacity is 1 to BUCKET_CAPACITY_MAX; false: no memory for it. */
enum { BUCKET_CAPACITY_MAX = 100000 };
int bucket_capacity(const struct bucket *bucket, enum bucket_kind kind);
WARN_UNUSED bool bucket_set_capacity(struct bucket *bucket, enum bucket_kind kind, int capacity);
int bucket_client_cap(const struct bucket *bucket, enum bucket_kind kind);
void bucket_set_client_cap(struct bucket *bucket, enum bucket_kind kind, int cap);

/* Calls visit for each token of the kind that is out. */
typedef void bucket_visit(const struct bucket_holder *holder, int64_t age_ms, void *argument);
void bucket_each(const struct bucket *bucket, enum bucket_kind kind, bucket_visit *visit, void *argument);

/* Where the journal has been read to, kept with the tokens so that both are of one moment. What the lines before the
 * offset say has been done. */
struct bucket_position {
    uint64_t device, inode;
    _Atomic uint64_t offset; /* which others than the reader look at */
};
struct bucket_position *bucket_position(struct bucket *bucket);

#endif
