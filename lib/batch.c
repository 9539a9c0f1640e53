#include "batch.h"

#include <pthread.h>
#include <stdlib.h>

struct batch {
    const struct batch_kind *kind;
    pthread_mutex_t lock;
    struct batch_job *begun;   /* the first job of each batch that is being done */
    struct batch_job *waiting; /* in the order in which they came */
};

struct batch *batch_create(const struct batch_kind *kind)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->kind = kind;
    pthread_mutex_init(&batch->lock, NULL);
    return batch;
}

void batch_destroy(struct batch *batch)
{
    if (!batch)
        return;
    pthread_mutex_destroy(&batch->lock);
    free(batch);
}

/* Where in the list the first job is that fits, or the list's end. */
static struct batch_job **find(const struct batch *batch, struct batch_job **list,
                               const struct batch_job *job)
{
    bool (*fits)(const struct batch_job *, const struct batch_job *) = batch->kind->fits;
    while (*list && fits && !fits(*list, job))
        list = &(*list)->next;
    return list;
}

static struct batch_job *take(struct batch_job **at)
{
    struct batch_job *job = *at;
    if (job)
        *at = job->next;
    return job;
}

static void put_first(struct batch_job **list, struct batch_job *job)
{
    job->next = *list;
    *list = job;
}

static void put_last(struct batch_job **list, struct batch_job *job)
{
    while (*list)
        list = &(*list)->next;
    put_first(list, job);
}

static void wait_for_change(struct batch_job *job)
{
    while (sem_wait(&job->changed) != 0)
        continue;
}

/* Begins a batch with the job, unless one that it fits is being done: then the job waits, until it has been done or
 * the turn is its own. */
static void begin_or_wait(struct batch *batch, struct batch_job *job)
{
    pthread_mutex_lock(&batch->lock);
    bool wait = *find(batch, &batch->begun, job) != NULL;
    if (wait)
        put_last(&batch->waiting, job);
    else
        put_first(&batch->begun, job);
    pthread_mutex_unlock(&batch->lock);
    if (wait)
        wait_for_change(job);
}

/* Those that are to be done with the job, which is the first of them. */
static size_t gather(struct batch *batch, struct batch_job *job, struct batch_job *jobs[BATCH_JOBS_MAX])
{
    size_t count = 0;
    struct batch_job *other = job;
    pthread_mutex_lock(&batch->lock);
    do
        jobs[count++] = other;
    while (count < batch->kind->jobs_max && (other = take(find(batch, &batch->waiting, job))));
    pthread_mutex_unlock(&batch->lock);
    return count;
}

/* The next one's turn. It may be over at once, and its job gone: nothing of it is touched behind sem_post. */
static void hand_over(struct batch *batch, struct batch_job *const jobs[], size_t count)
{
    pthread_mutex_lock(&batch->lock);
    take(find(batch, &batch->begun, jobs[0]));
    struct batch_job *next = take(find(batch, &batch->waiting, jobs[0]));
    if (next)
        put_first(&batch->begun, next);
    pthread_mutex_unlock(&batch->lock);
    if (next)
        sem_post(&next->changed);
    for (size_t i = 1; i < count; i++) {
        jobs[i]->done = true;
        sem_post(&jobs[i]->changed);
    }
}

bool batch_do(struct batch *batch, struct batch_job *job)
{
    struct batch_job *jobs[BATCH_JOBS_MAX];
    job->done = false;
    sem_init(&job->changed, 0, 0);
    begin_or_wait(batch, job);
    bool own = !job->done;
    if (own) {
        size_t count = gather(batch, job, jobs);
        batch->kind->run(jobs, count);
        hand_over(batch, jobs, count);
    }
    sem_destroy(&job->changed);
    return own;
}
