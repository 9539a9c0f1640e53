#include "claims.h"

#include <pthread.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"

enum { CLAIMS_MAX = 32 }; /* more batches than all lanes hold */

struct claims {
    pthread_mutex_t lock;
    int count;
    struct task_batch *batches[CLAIMS_MAX];
    struct task_batch renewing; /* a copy: meanwhile its executor may end it */
};

struct claims *claims_create(void)
{
    struct claims *claims = calloc(1, sizeof *claims);
    if (claims)
        pthread_mutex_init(&claims->lock, NULL);
    return claims;
}

void claims_destroy(struct claims *claims)
{
    if (!claims)
        return;
    pthread_mutex_destroy(&claims->lock);
    free(claims);
}

void claims_add(struct claims *claims, struct task_batch *batch)
{
    pthread_mutex_lock(&claims->lock);
    if (claims->count < CLAIMS_MAX)
        claims->batches[claims->count++] = batch;
    pthread_mutex_unlock(&claims->lock);
}

void claims_remove(struct claims *claims, struct task_batch *batch)
{
    pthread_mutex_lock(&claims->lock);
    for (int i = 0; i < claims->count; i++) {
        if (claims->batches[i] == batch) {
            claims->batches[i] = claims->batches[--claims->count];
            break;
        }
    }
    pthread_mutex_unlock(&claims->lock);
}

static int64_t oldest_ms(const struct claims *claims)
{
    int64_t oldest = claims->batches[0]->renewed_ms;
    for (int i = 1; i < claims->count; i++)
        if (claims->batches[i]->renewed_ms < oldest)
            oldest = claims->batches[i]->renewed_ms;
    return oldest;
}

int claims_wait_ms(struct claims *claims)
{
    pthread_mutex_lock(&claims->lock);
    int wait = claims->count == 0 ? -1 : clock_left_ms(oldest_ms(claims) + RENEW_MS);
    pthread_mutex_unlock(&claims->lock);
    return wait;
}

/* What says whose the claims are. The rest an executor may be writing to. */
static void copy_claims(const struct task_batch *batch, struct task_batch *copy)
{
    copy->kind = batch->kind;
    copy->count = batch->count;
    for (int i = 0; i < batch->count; i++)
        copy->tasks[i].id = batch->tasks[i].id;
}

/* Copies the batch for which it has been time longest, and counts its claims as renewed from now on; also when that
 * should fail, since then it is tried again the next time. False when it is time for none. */
static bool take_due(struct claims *claims)
{
    struct task_batch *due = NULL;
    pthread_mutex_lock(&claims->lock);
    for (int i = 0; i < claims->count; i++)
        if (!due || claims->batches[i]->renewed_ms < due->renewed_ms)
            due = claims->batches[i];
    if (due && clock_left_ms(due->renewed_ms + RENEW_MS) > 0)
        due = NULL;
    if (due) {
        due->renewed_ms = clock_ms();
        copy_claims(due, &claims->renewing);
    }
    pthread_mutex_unlock(&claims->lock);
    return due != NULL;
}

void claims_renew(struct claims *claims, struct db *db, const char *owner)
{
    const struct task_batch *batch = &claims->renewing;
    enum store_outcome outcome = STORE_DONE;
    while (outcome == STORE_DONE && take_due(claims)) {
        outcome = batch->kind->queue->renew(db, owner, batch);
        log_write(outcome == STORE_DONE ? LOG_DEBUG : LOG_WARNING, "claims_renewed",
                  "kind=%s count=%d recorded=%d", batch->kind->name, batch->count, outcome == STORE_DONE);
    }
}
