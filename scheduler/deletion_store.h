/* The deletion table. */
#ifndef DELETION_STORE_H
#define DELETION_STORE_H

#include "media.h"
#include "store.h"

enum { BATCH_MAX = 64, LEASE_S = 30 };

struct deletion {
    int64_t id;
    char key[MEDIA_KEY_SIZE];
    int error; /* errno of what went wrong, 0 when the file is gone */
};

struct batch {
    int count;
    struct deletion deletions[BATCH_MAX];
};

/* Claims what is due, up to BATCH_MAX rows, for LEASE_S seconds. */
enum store_outcome deletion_store_claim(struct db *db, struct batch *batch);

/* Deletes the rows of the batch's deletions without error. */
enum store_outcome deletion_store_done(struct db *db, const struct batch *batch);

/* Notes the error and when to try again; *dead is set when that was the last of attempts_max tries. */
enum store_outcome deletion_store_failed(struct db *db, const struct deletion *deletion, int64_t attempts_max,
                                         bool *dead);

/* Removes a video's row and queues its file; done, too, when there is none of either. */
enum store_outcome deletion_store_schedule(struct db *db, int64_t video_id);

#endif
