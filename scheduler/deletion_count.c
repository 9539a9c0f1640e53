#include "deletion_count.h"

#include "clock.h"
#include "metrics.h"
#include "sweep.h"

/* The only one that asks is the dispatcher's thread. */
static enum store_outcome claim(struct db *db, const char *owner, struct task_cursor *cursor,
                                struct task_batch *batch)
{
    static int64_t next_ms;
    (void)db, (void)owner, (void)cursor;
    if (clock_ms() < next_ms)
        return STORE_DONE;
    next_ms = clock_ms() + batch->kind->every_s * 1000;
    batch->count = 1;
    return STORE_DONE;
}

static enum store_outcome note(struct db *db, const char *owner, const struct task_batch *batch)
{
    (void)db, (void)owner, (void)batch;
    return STORE_DONE;
}

static enum store_outcome failed(struct db *db, const char *owner, const struct task_kind *kind,
                                 const struct task *task, int64_t attempts_max, bool *dead)
{
    (void)db, (void)owner, (void)kind, (void)task, (void)attempts_max;
    *dead = false;
    return STORE_DONE;
}

const struct task_queue deletion_count_queue = {claim, note, note, note, failed};

void deletion_count(struct task_context *context, struct task_batch *batch)
{
    struct db_rows rows;
    struct task *task = &batch->tasks[0];
    task_begin(context);
    task->state = TASK_FAILED;
    task->error = sweep_database_failed;
    if (db_query(context->db, DELETION_COUNT, NULL, &rows) != DB_DONE)
        return;
    metrics_set(METRIC_DELETIONS_PENDING, db_number(&rows, 0, 0));
    metrics_set(METRIC_DELETIONS_DEAD, db_number(&rows, 0, 1));
    task->state = TASK_DONE;
}
