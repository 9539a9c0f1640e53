#include "executor.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "deletion_store.h"
#include "log.h"

struct executor {
    const struct media *media;
    struct queue *queue;
    struct db *db;
    struct arena *arena;
    int64_t attempts_max;
    pthread_t thread;
};

static void remove_files(struct executor *executor, struct batch *batch)
{
    for (int i = 0; i < batch->count; i++) {
        struct deletion *deletion = &batch->deletions[i];
        deletion->error = media_remove(executor->media, deletion->key) ? 0 : errno;
    }
}

/* The result of the same folder's sync earlier in the batch, -1 when there was none. */
static int synced_before(const struct batch *batch, int at, const int *results)
{
    for (int i = 0; i < at; i++)
        if (memcmp(batch->deletions[i].key, batch->deletions[at].key, 2) == 0 && results[i] >= 0)
            return results[i];
    return -1;
}

static void sync_folders(struct executor *executor, struct batch *batch)
{
    int results[BATCH_MAX]; /* errno, -1: not synced, its file failed before */
    for (int i = 0; i < batch->count; i++) {
        struct deletion *deletion = &batch->deletions[i];
        results[i] = -1;
        if (deletion->error != 0)
            continue;
        results[i] = synced_before(batch, i, results);
        if (results[i] < 0)
            results[i] = media_sync(executor->media, deletion->key) ? 0 : errno;
        deletion->error = results[i];
    }
}

static void record_failures(struct executor *executor, const struct batch *batch)
{
    for (int i = 0; i < batch->count; i++) {
        const struct deletion *deletion = &batch->deletions[i];
        bool dead;
        if (deletion->error == 0)
            continue;
        enum store_outcome outcome =
            deletion_store_failed(executor->db, deletion, executor->attempts_max, &dead);
        log_write(dead ? LOG_ERROR : LOG_WARNING, dead ? "deletion_dead" : "deletion_failed",
                  "id=%lld key=%s reason=\"%s\" recorded=%d", (long long)deletion->id, deletion->key,
                  strerror(deletion->error), outcome == STORE_DONE);
    }
}

static void execute(struct executor *executor, struct batch *batch)
{
    remove_files(executor, batch);
    sync_folders(executor, batch);
    arena_reset(executor->arena);
    db_begin(executor->db, executor->arena);
    enum store_outcome outcome = deletion_store_done(executor->db, batch);
    record_failures(executor, batch);
    /* Rows that stay come again when their lease is over. */
    log_write(outcome == STORE_DONE ? LOG_INFO : LOG_WARNING, "deletions_done", "count=%d recorded=%d",
              batch->count, outcome == STORE_DONE);
}

static void *run(void *argument)
{
    struct executor *executor = argument;
    struct batch *batch;
    while ((batch = queue_take(executor->queue))) {
        execute(executor, batch);
        free(batch);
    }
    return NULL;
}

static void destroy(struct executor *executor)
{
    db_destroy(executor->db);
    arena_destroy(executor->arena);
    free(executor);
}

struct executor *executor_start(const struct db_options *db, int64_t attempts_max, const struct media *media,
                                struct queue *queue)
{
    struct executor *executor = calloc(1, sizeof *executor);
    if (!executor)
        return NULL;
    *executor = (struct executor){.media = media,
                                  .queue = queue,
                                  .db = db_create(db),
                                  .arena = arena_create(),
                                  .attempts_max = attempts_max};
    if (executor->db && pthread_create(&executor->thread, NULL, run, executor) == 0)
        return executor;
    log_write(LOG_ERROR, "executor_failed", "reason=\"%s\"", strerror(errno));
    destroy(executor);
    return NULL;
}

void executor_join(struct executor *executor)
{
    pthread_join(executor->thread, NULL);
    destroy(executor);
}
