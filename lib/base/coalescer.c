#include "lib/base/coalescer.h"

#include <pthread.h>
#include <stdlib.h>

struct coalescer {
    const struct coalescer_kind *kind;
    pthread_mutex_t lock;
    struct coalescer_job *running; /* the first job of each running batch */
    struct coalescer_job *queue;   /* oldest first */
};

struct coalescer *coalescer_create(const struct coalescer_kind *kind)
{
    struct coalescer *coalescer = calloc(1, sizeof *coalescer);
    if (!coalescer)
        return NULL;
    coalescer->kind = kind;
    pthread_mutex_init(&coalescer->lock, NULL);
    return coalescer;
}

void coalescer_destroy(struct coalescer *coalescer)
{
    if (!coalescer)
        return;
    pthread_mutex_destroy(&coalescer->lock);
    free(coalescer);
}

/* Returns the link to the first compatible job in the list, or the link at its end. */
static struct coalescer_job **find_compatible(const struct coalescer *coalescer, struct coalescer_job **list,
                                              const struct coalescer_job *job)
{
    const struct coalescer_kind *kind = coalescer->kind;
    while (*list && kind->compatible && !kind->compatible(*list, job))
        list = &(*list)->next;
    return list;
}

static struct coalescer_job *job_remove(struct coalescer_job **at)
{
    struct coalescer_job *job = *at;
    if (job)
        *at = job->next;
    return job;
}

static void job_push(struct coalescer_job **list, struct coalescer_job *job)
{
    job->next = *list;
    *list = job;
}

static void job_append(struct coalescer_job **list, struct coalescer_job *job)
{
    while (*list)
        list = &(*list)->next;
    job_push(list, job);
}

static void await_wake(struct coalescer_job *job)
{
    while (sem_wait(&job->wake) != 0)
        continue;
}

/* Starts a batch with the job. If a compatible batch is running, queues the job and
 * blocks until it is done or its thread has to run the next batch. */
static void start_or_wait(struct coalescer *coalescer, struct coalescer_job *job)
{
    pthread_mutex_lock(&coalescer->lock);
    bool wait = *find_compatible(coalescer, &coalescer->running, job) != NULL;
    if (wait)
        job_append(&coalescer->queue, job);
    else
        job_push(&coalescer->running, job);
    pthread_mutex_unlock(&coalescer->lock);
    if (wait)
        await_wake(job);
}

/* Moves the queued jobs that are compatible with the job into its batch. Returns the
 * batch's size. */
static size_t collect_batch(struct coalescer *coalescer, struct coalescer_job *job,
                            struct coalescer_job *jobs[COALESCER_JOBS_MAX])
{
    size_t count = 0;
    struct coalescer_job *other = job;
    pthread_mutex_lock(&coalescer->lock);
    do
        jobs[count++] = other;
    while (count < coalescer->kind->jobs_max &&
           (other = job_remove(find_compatible(coalescer, &coalescer->queue, job))));
    pthread_mutex_unlock(&coalescer->lock);
    return count;
}

/* Wakes the thread that runs the next compatible batch, and those whose jobs are done. A
 * woken thread may return at once, so its job, on its stack, is not touched after
 * sem_post. */
static void finish_batch(struct coalescer *coalescer, struct coalescer_job *const jobs[], size_t count)
{
    pthread_mutex_lock(&coalescer->lock);
    job_remove(find_compatible(coalescer, &coalescer->running, jobs[0]));
    struct coalescer_job *next = job_remove(find_compatible(coalescer, &coalescer->queue, jobs[0]));
    if (next)
        job_push(&coalescer->running, next);
    pthread_mutex_unlock(&coalescer->lock);
    if (next)
        sem_post(&next->wake);
    for (size_t i = 1; i < count; i++) {
        jobs[i]->done = true;
        sem_post(&jobs[i]->wake);
    }
}

bool coalescer_run(struct coalescer *coalescer, struct coalescer_job *job)
{
    struct coalescer_job *jobs[COALESCER_JOBS_MAX];
    job->done = false;
    sem_init(&job->wake, 0, 0);
    start_or_wait(coalescer, job);
    bool runs_batch = !job->done;
    if (runs_batch) {
        size_t count = collect_batch(coalescer, job, jobs);
        coalescer->kind->run(jobs, count);
        finish_batch(coalescer, jobs, count);
    }
    sem_destroy(&job->wake);
    return runs_batch;
}
