/* Work that the threads of a process do for one another.
 *
 * Who comes while somebody is doing such work waits; then the first who waits does it for all who do, at once.
 * Nothing is begun before it was asked for, so what is read is never older than the request to read it, and who
 * is alone doesn't wait: a batch costs an idle process nothing, and a busy one less the busier it is. */
#ifndef LIB_BASE_COALESCER_H
#define LIB_BASE_COALESCER_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

struct coalescer;

/* What a thread wants done: the first member of what says what that is, in the thread's stack. */
struct coalescer_job {
    struct coalescer_job *next;
    sem_t changed;
    bool done;
};

enum { COALESCER_JOBS_MAX = 64 };

struct coalescer_kind {
    size_t jobs_max; /* at most COALESCER_JOBS_MAX */
    /* Whether the two can be done at once; what is true of a and b, and of b and c, must be of a and c. NULL: any can. */
    bool (*fits)(const struct coalescer_job *job, const struct coalescer_job *other);
    /* Does them all. It runs in the thread of the first one; those of the others wait, so what is theirs may be
     * written to. */
    void (*run)(struct coalescer_job *const jobs[], size_t count);
};

/* For the threads of one process, also when it is made before the fork. NULL: out of memory. */
struct coalescer *coalescer_create(const struct coalescer_kind *kind);
void coalescer_destroy(struct coalescer *coalescer);

/* Returns when the job has been done: true when by this thread, in a batch of its own or one that it had to wait for its
 * turn to do. */
bool coalescer_run(struct coalescer *coalescer, struct coalescer_job *job);

#endif
