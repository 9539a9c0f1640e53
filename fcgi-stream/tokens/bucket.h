/* The token bucket: limits how many videos are streamed, and how many uploads are
 * received, at the same time.
 *
 * The bucket is a table of slots in a file on tmpfs that all workers map. A token is a
 * held slot, which records the request that took it. A token outlives the worker that
 * took it, because nginx is still sending when the FastCGI request is long over. It is
 * released through the journal (journal.h), or reaped when its nginx worker has died or
 * the client's connection is closed. The number of tokens in use is always counted from
 * the slots, so no counter can drift. */
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
    BUCKET_FULL,        /* all tokens are in use */
    BUCKET_CLIENT_FULL, /* the client is at its limit */
};

enum { BUCKET_REQUEST_ID_BYTES = 16, BUCKET_TOKEN_SIZE = 40 };

struct bucket;

/* The request that holds a token. */
struct bucket_holder {
    unsigned char request_id[BUCKET_REQUEST_ID_BYTES]; /* nginx's $request_id */
    uint64_t client;                                   /* see lib/base/client.h */
    int64_t video_id;                                  /* the video that is sent, or 0 */
    pid_t nginx_pid;
    struct connection connection;
};

/* Maps the bucket in the run folder, with the tokens in use. Creates it when it is
 * missing or has another layout. A limit follows its setting only when the setting has
 * changed since the last start, so a limit that was set at run time survives a restart.
 * Slots claimed by dead workers are freed. Returns NULL after logging the reason. The
 * supervisor calls this before its first fork. */
struct bucket *bucket_open(const struct config *config);

/* Maps the bucket of a running site. Returns NULL with errno set: ENOENT when there is
 * none, EPROTO when another version created it. */
struct bucket *bucket_attach(const struct config *config);

/* Unmaps the bucket and frees the struct. Tokens stay in use. */
void bucket_close(struct bucket *bucket);

/* Takes a token for the holder and writes its name, for bucket_release, to token. Unless
 * the outcome is BUCKET_TAKEN, nothing is taken and token is unchanged. */
enum bucket_outcome bucket_acquire(struct bucket *bucket, enum bucket_kind kind,
                                   const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE]);

/* Releases the token of that name and, unless holder is NULL, copies its holder to
 * *holder. Returns false when no such token is in use (any more). */
bool bucket_release(struct bucket *bucket, const char *token, struct bucket_holder *holder);

/* Releases all tokens of a request and returns how many there were. Unless holder is
 * NULL, copies the holder of the last one to *holder. */
int bucket_release_request(struct bucket *bucket, const unsigned char request_id[BUCKET_REQUEST_ID_BYTES],
                           struct bucket_holder *holder);

/* Frees the slots that the worker had claimed but not yet held when it died. */
void bucket_worker_ended(struct bucket *bucket, pid_t pid);

/* Releases the tokens whose nginx worker has died. Returns how many, and adds them to the
 * metrics. */
int bucket_reap(struct bucket *bucket);

/* Releases the tokens that are at least min_age_ms old and whose client connection is
 * closed. Returns how many, and adds them to the metrics. */
int bucket_reap_connections(struct bucket *bucket, int64_t min_age_ms);

/* The number of tokens in use. */
int bucket_in_use(const struct bucket *bucket, enum bucket_kind kind);

/* A number that changes whenever a token of the kind is released. */
uint64_t bucket_releases(const struct bucket *bucket, enum bucket_kind kind);

/* The limits: how many tokens may be in use in all, 1 to BUCKET_CAPACITY_MAX, and by one
 * client, 0 for no limit. Lowering a limit releases no token; no new one can be taken
 * until fewer are in use. bucket_set_capacity returns false, and changes nothing, when
 * there is no memory for the slots. */
enum { BUCKET_CAPACITY_MAX = 100000 };
int bucket_capacity(const struct bucket *bucket, enum bucket_kind kind);
WARN_UNUSED bool bucket_set_capacity(struct bucket *bucket, enum bucket_kind kind, int capacity);
int bucket_client_cap(const struct bucket *bucket, enum bucket_kind kind);
void bucket_set_client_cap(struct bucket *bucket, enum bucket_kind kind, int cap);

/* Calls visit for each token of the kind that is in use. */
typedef void bucket_visit(const struct bucket_holder *holder, int64_t age_ms, void *argument);
void bucket_each(const struct bucket *bucket, enum bucket_kind kind, bucket_visit *visit, void *argument);

/* The journal file and the offset up to which its lines have been applied. It is
 * stored in the bucket, so that a restart continues with tokens and offset of the same
 * moment. */
struct bucket_position {
    uint64_t device, inode;
    _Atomic uint64_t offset; /* written by the supervisor, read by the workers */
};
struct bucket_position *bucket_position(struct bucket *bucket);

#endif
