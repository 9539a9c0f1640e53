/* Work that the threads of a process do for one another.
 *
 * Who comes while somebody is doing such work waits; then the first who waits does it for all who do, at once.
 * Nothing is begun before it was asked for, so what is read is never older than the request to read it, and who
 * is alone doesn't wait: a batch costs an idle process nothing, and a busy one less the busier it is. */
#ifndef BATCH_H
#define BATCH_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

struct batch;

/* What a thread wants done: the first member of what says what that is, in the thread's stack. */
struct batch_job {
    struct batch_job *next;
    sem_t changed;
    bool done;
};

enum { BATCH_JOBS_MAX = 64 };

struct batch_kind {
    size_t jobs_max; /* at most BATCH_JOBS_MAX */
    /* Whether the two can be done at once; what is true of a and b, and of b and c, must be of a and c. NULL: any can. */
    bool (*fits)(const struct batch_job *job, const struct batch_job *other);
    /* Does them all. It runs in the thread of the first one; those of the others wait, so what is theirs may be
     * written to. */
    void (*run)(struct batch_job *const jobs[], size_t count);
};

/* For the threads of one process, also when it is made before the fork. NULL: out of memory. */
struct batch *batch_create(const struct batch_kind *kind);
void batch_destroy(struct batch *batch);

/* Returns when the job has been done: true when by this thread, in a batch of its own or one that it had to wait for its
 * turn to do. */
bool batch_do(struct batch *batch, struct batch_job *job);

#endif
