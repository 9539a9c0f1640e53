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
    batch->renewed_ms = clock_ms();
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

void claims_renew(struct claims *claims, struct db *db, const char *owner)
{
    pthread_mutex_lock(&claims->lock); /* for as long as it takes, so that no batch goes meanwhile */
    for (int i = 0; i < claims->count; i++) {
        struct task_batch *batch = claims->batches[i];
        if (clock_left_ms(batch->renewed_ms + RENEW_MS) > 0)
            continue;
        enum store_outcome outcome = batch->kind->queue->renew(db, owner, batch);
        log_write(outcome == STORE_DONE ? LOG_DEBUG : LOG_WARNING, "claims_renewed",
                  "kind=%s count=%d recorded=%d", batch->kind->name, batch->count, outcome == STORE_DONE);
        batch->renewed_ms = clock_ms();
    }
    pthread_mutex_unlock(&claims->lock);
}
