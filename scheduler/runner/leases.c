#include "scheduler/runner/leases.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

/* More batches than all work queues and executors hold. */
enum { LEASES_MAX = 32 };

struct leases {
    pthread_mutex_t lock;
    int count;
    struct task_batch *batches[LEASES_MAX];
    /* A copy of the batch whose leases are being renewed: its executor may free it
     * meanwhile. */
    struct task_batch renewing;
};

struct leases *leases_create(void)
{
    struct leases *leases = calloc(1, sizeof *leases);
    if (leases)
        pthread_mutex_init(&leases->lock, NULL);
    return leases;
}

void leases_destroy(struct leases *leases)
{
    if (!leases)
        return;
    pthread_mutex_destroy(&leases->lock);
    free(leases);
}

void leases_add(struct leases *leases, struct task_batch *batch)
{
    pthread_mutex_lock(&leases->lock);
    if (leases->count < LEASES_MAX)
        leases->batches[leases->count++] = batch;
    pthread_mutex_unlock(&leases->lock);
}

void leases_remove(struct leases *leases, struct task_batch *batch)
{
    pthread_mutex_lock(&leases->lock);
    for (int i = 0; i < leases->count; i++) {
        if (leases->batches[i] == batch) {
            leases->batches[i] = leases->batches[--leases->count];
            break;
        }
    }
    pthread_mutex_unlock(&leases->lock);
}

static int64_t oldest_ms(const struct leases *leases)
{
    int64_t oldest = leases->batches[0]->renewed_ms;
    for (int i = 1; i < leases->count; i++)
        if (leases->batches[i]->renewed_ms < oldest)
            oldest = leases->batches[i]->renewed_ms;
    return oldest;
}

int leases_wait_ms(struct leases *leases)
{
    pthread_mutex_lock(&leases->lock);
    int wait = leases->count == 0 ? -1 : clock_left_ms(oldest_ms(leases) + RENEW_MS);
    pthread_mutex_unlock(&leases->lock);
    return wait;
}

/* Copies what renewal needs. An executor may be writing to the other members. */
static void copy_for_renewal(const struct task_batch *batch, struct task_batch *copy)
{
    copy->kind = batch->kind;
    copy->count = batch->count;
    for (int i = 0; i < batch->count; i++)
        copy->tasks[i].id = batch->tasks[i].id;
}

/* Copies the batch that was renewed longest ago to leases->renewing and marks it as
 * renewed, so that a failed renewal is retried only RENEW_MS later. Returns false when
 * none is due. */
static bool take_oldest_due(struct leases *leases)
{
    struct task_batch *due = NULL;
    pthread_mutex_lock(&leases->lock);
    for (int i = 0; i < leases->count; i++)
        if (!due || leases->batches[i]->renewed_ms < due->renewed_ms)
            due = leases->batches[i];
    if (due && clock_left_ms(due->renewed_ms + RENEW_MS) > 0)
        due = NULL;
    if (due) {
        due->renewed_ms = clock_ms();
        copy_for_renewal(due, &leases->renewing);
    }
    pthread_mutex_unlock(&leases->lock);
    return due != NULL;
}

void leases_renew(struct leases *leases, struct db *db, const char *owner)
{
    const struct task_batch *batch = &leases->renewing;
    enum store_outcome outcome = STORE_DONE;
    while (outcome == STORE_DONE && take_oldest_due(leases)) {
        outcome = batch->kind->queue->renew(db, owner, batch);
        log_write(outcome == STORE_DONE ? LOG_DEBUG : LOG_WARNING, "leases_renewed",
                  "kind=%s count=%d recorded=%d", batch->kind->name, batch->count, outcome == STORE_DONE);
    }
}
