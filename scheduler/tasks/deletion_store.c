#include "scheduler/tasks/deletion_store.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buffer.h"
#include "lib/metrics/metrics.h"
#include "scheduler/tasks/scheduler_statements.h"

/* Before any next_attempt_at: the year 1. */
static const int64_t earliest_us = -62135596800000000;

static void read_task(const struct db_rows *rows, int row, struct task *task)
{
    *task = (struct task){.id = db_number(rows, row, 0)};
    snprintf(task->subject, sizeof task->subject, "%s", db_text(rows, row, 1));
}

/* Moves the cursor to the row if that is behind it: rows are returned in no order. */
static void cursor_advance(struct task_cursor *cursor, const struct db_rows *rows, int row)
{
    int64_t id = db_number(rows, row, 0), time_us = db_time_us(rows, row, 2);
    if (cursor->begun && (time_us < cursor->time_us || (time_us == cursor->time_us && id < cursor->id)))
        return;
    *cursor = (struct task_cursor){.begun = true, .time_us = time_us, .id = id};
}

static enum store_outcome claim(struct db *db, const char *owner, struct task_cursor *cursor,
                                struct task_batch *batch)
{
    struct db_params params = {0};
    struct db_rows rows;
    batch->count = 0;
    db_bind_number(&params, BATCH_MAX);
    db_bind_literal(&params, owner);
    db_bind_number(&params, cursor->begun ? cursor->time_us : earliest_us);
    db_bind_number(&params, cursor->id);
    enum db_outcome outcome = db_query(db, DELETION_CLAIM, &params, &rows);
    if (outcome != DB_DONE)
        return store_outcome_from_db(outcome);
    for (int i = 0; i < rows.count && i < BATCH_MAX; i++) {
        read_task(&rows, i, &batch->tasks[batch->count++]);
        cursor_advance(cursor, &rows, i);
    }
    return STORE_DONE;
}

/* Appends the ids of the tasks in that state, or of all tasks when state is -1, as an
 * array literal with a NUL. */
static void append_ids(const struct task_batch *batch, int state, struct buffer *ids)
{
    buffer_char(ids, '{');
    for (int i = 0; i < batch->count; i++)
        if (state < 0 || batch->tasks[i].state == (enum task_state)state)
            buffer_printf(ids, "%s%lld", ids->length > 1 ? "," : "", (long long)batch->tasks[i].id);
    buffer_append(ids, "}", sizeof "}");
}

static enum store_outcome update(struct db *db, enum statement statement, const char *owner,
                                 const struct task_batch *batch, int state)
{
    struct buffer ids = {0};
    struct db_params params = {0};
    enum store_outcome outcome = STORE_UNAVAILABLE;
    append_ids(batch, state, &ids);
    db_bind_literal(&params, ids.data);
    db_bind_literal(&params, owner);
    if (!ids.failed)
        outcome = store_outcome_from_db(db_query(db, statement, &params, NULL));
    buffer_free(&ids);
    return outcome;
}

static enum store_outcome renew(struct db *db, const char *owner, const struct task_batch *batch)
{
    return update(db, DELETION_RENEW, owner, batch, -1);
}

static enum store_outcome release(struct db *db, const char *owner, const struct task_batch *batch)
{
    return update(db, DELETION_RELEASE, owner, batch, TASK_PENDING);
}

static enum store_outcome done(struct db *db, const char *owner, const struct task_batch *batch)
{
    enum store_outcome outcome = update(db, DELETION_DONE, owner, batch, TASK_DONE);
    for (int i = 0; i < batch->count && outcome == STORE_DONE; i++)
        metrics_add(METRIC_DELETIONS_DONE, batch->tasks[i].state == TASK_DONE);
    return outcome;
}

static enum store_outcome failed(struct db *db, const char *owner, const struct task_kind *kind,
                                 const struct task *task, int64_t attempts_max, bool *dead)
{
    struct db_params params = {0};
    struct db_rows rows;
    (void)kind;
    db_bind_number(&params, task->id);
    db_bind_literal(&params, owner);
    db_bind_text(&params, task->error, strlen(task->error));
    db_bind_number(&params, attempts_max);
    enum db_outcome outcome = db_query(db, DELETION_FAILED, &params, &rows);
    *dead = outcome == DB_DONE && rows.count == 1 && db_number(&rows, 0, 0) == 1;
    return store_outcome_from_db(outcome);
}

const struct task_queue deletion_queue = {claim, renew, release, done, failed};

enum store_outcome deletion_store_schedule(struct db *db, int64_t video_id, int64_t grace_s)
{
    struct db_params params = {0};
    db_bind_number(&params, video_id);
    db_bind_number(&params, grace_s);
    return store_outcome_from_db(db_query(db, VIDEO_SCHEDULE, &params, NULL));
}
