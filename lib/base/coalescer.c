#include "lib/base/coalescer.h"

#include <pthread.h>
#include <stdlib.h>

struct coalescer {
    const struct coalescer_kind *kind;
    pthread_mutex_t lock;
    struct coalescer_job *begun;   /* the first job of each batch that is being done */
    struct coalescer_job *waiting; /* in the order in which they came */
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

/* Where in the list the first job is that fits, or the list's end. */
static struct coalescer_job **find(const struct coalescer *coalescer, struct coalescer_job **list,
                                   const struct coalescer_job *job)
{
    bool (*fits)(const struct coalescer_job *, const struct coalescer_job *) = coalescer->kind->fits;
    while (*list && fits && !fits(*list, job))
        list = &(*list)->next;
    return list;
}

static struct coalescer_job *take(struct coalescer_job **at)
{
    struct coalescer_job *job = *at;
    if (job)
        *at = job->next;
    return job;
}

static void put_first(struct coalescer_job **list, struct coalescer_job *job)
{
    job->next = *list;
    *list = job;
}

static void put_last(struct coalescer_job **list, struct coalescer_job *job)
{
    while (*list)
        list = &(*list)->next;
    put_first(list, job);
}

static void wait_for_change(struct coalescer_job *job)
{
    while (sem_wait(&job->changed) != 0)
        continue;
}

/* Begins a batch with the job, unless one that it fits is being done: then the job waits, until it has been done or
 * the turn is its own. */
static void begin_or_wait(struct coalescer *coalescer, struct coalescer_job *job)
{
    pthread_mutex_lock(&coalescer->lock);
    bool wait = *find(coalescer, &coalescer->begun, job) != NULL;
    if (wait)
        put_last(&coalescer->waiting, job);
    else
        put_first(&coalescer->begun, job);
    pthread_mutex_unlock(&coalescer->lock);
    if (wait)
        wait_for_change(job);
}

/* Those that are to be done with the job, which is the first of them. */
static size_t gather(struct coalescer *coalescer, struct coalescer_job *job,
                     struct coalescer_job *jobs[COALESCER_JOBS_MAX])
{
    size_t count = 0;
    struct coalescer_job *other = job;
    pthread_mutex_lock(&coalescer->lock);
    do
        jobs[count++] = other;
    while (count < coalescer->kind->jobs_max && (other = take(find(coalescer, &coalescer->waiting, job))));
    pthread_mutex_unlock(&coalescer->lock);
    return count;
}

/* The next one's turn. It may be over at once, and its job gone: nothing of it is touched behind sem_post. */
static void hand_over(struct coalescer *coalescer, struct coalescer_job *const jobs[], size_t count)
{
    pthread_mutex_lock(&coalescer->lock);
    take(find(coalescer, &coalescer->begun, jobs[0]));
    struct coalescer_job *next = take(find(coalescer, &coalescer->waiting, jobs[0]));
    if (next)
        put_first(&coalescer->begun, next);
    pthread_mutex_unlock(&coalescer->lock);
    if (next)
        sem_post(&next->changed);
    for (size_t i = 1; i < count; i++) {
        jobs[i]->done = true;
        sem_post(&jobs[i]->changed);
    }
}

bool coalescer_run(struct coalescer *coalescer, struct coalescer_job *job)
{
    struct coalescer_job *jobs[COALESCER_JOBS_MAX];
    job->done = false;
    sem_init(&job->changed, 0, 0);
    begin_or_wait(coalescer, job);
    bool own = !job->done;
    if (own) {
        size_t count = gather(coalescer, job, jobs);
        coalescer->kind->run(jobs, count);
        hand_over(coalescer, jobs, count);
    }
    sem_destroy(&job->changed);
    return own;
}
