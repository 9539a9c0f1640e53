/* Coalesces concurrent work of one process (single flight, with batches).
 *
 * While a batch runs, compatible jobs that arrive queue. When it ends, one of the queued
 * threads runs the next batch for all of them. A batch never includes a job that arrives
 * after its start, so no job gets data that was read before it asked. A job that finds no
 * compatible batch running starts at once: an idle process pays no delay, and a busy one
 * does less work per job. */
#ifndef LIB_BASE_COALESCER_H
#define LIB_BASE_COALESCER_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

struct coalescer;

/* One thread's job. Make it the first member of a struct that holds the job's input and
 * output; that struct may be on the thread's stack. The members belong to coalescer.c. */
struct coalescer_job {
    struct coalescer_job *next;
    sem_t wake;
    bool done;
};

enum { COALESCER_JOBS_MAX = 64 };

struct coalescer_kind {
    /* Maximum number of jobs in a batch, at most COALESCER_JOBS_MAX. */
    size_t jobs_max;
    /* True when two jobs can run in the same batch. It must be an equivalence relation:
     * symmetric and transitive. NULL: any two jobs can. */
    bool (*compatible)(const struct coalescer_job *job, const struct coalescer_job *other);
    /* Runs a batch in the thread of jobs[0]. The threads of the other jobs are blocked
     * meanwhile, so it may write to those jobs. */
    void (*run)(struct coalescer_job *const jobs[], size_t count);
};

/* Creates a coalescer, which keeps a reference to kind. It serves the threads of one
 * process; each child of a fork has its own copy. Returns NULL when memory runs out. */
struct coalescer *coalescer_create(const struct coalescer_kind *kind);

/* Frees the coalescer, which no thread may be using. NULL is allowed. */
void coalescer_destroy(struct coalescer *coalescer);

/* Returns when the job is done: true when this thread ran the batch, false when another
 * thread did. */
bool coalescer_run(struct coalescer *coalescer, struct coalescer_job *job);

#endif
