/* A step of fcgi-stream in the tests' build: after_token, when a worker has taken a token
 * and not answered yet. */
#include "fcgi-stream/tokens/bucket.h"
#include "scheduler/runner/step.h"

enum bucket_outcome __real_bucket_acquire(struct bucket *bucket, enum bucket_kind kind,
                                          const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE]);
enum bucket_outcome __wrap_bucket_acquire(struct bucket *bucket, enum bucket_kind kind,
                                          const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE]);

enum bucket_outcome __wrap_bucket_acquire(struct bucket *bucket, enum bucket_kind kind,
                                          const struct bucket_holder *holder, char token[BUCKET_TOKEN_SIZE])
{
    enum bucket_outcome outcome = __real_bucket_acquire(bucket, kind, holder, token);
    if (outcome == BUCKET_TAKEN)
        step_reached("after_token");
    return outcome;
}
