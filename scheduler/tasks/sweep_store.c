#include "scheduler/tasks/sweep_store.h"

#include <string.h>

#include "scheduler/tasks/scheduler_statements.h"

static void bind_lease(struct db_params *params, const struct task_kind *kind, const char *owner)
{
    db_bind_text(params, kind->name, strlen(kind->name));
    db_bind_literal(params, owner);
}

static enum store_outcome claim(struct db *db, const char *owner, struct task_cursor *cursor,
                                struct task_batch *batch)
{
    struct db_params params = {0};
    struct db_rows rows;
    (void)cursor;
    bind_lease(&params, batch->kind, owner);
    db_bind_number(&params, batch->kind->every_s);
    enum db_outcome outcome = db_query(db, SWEEP_CLAIM, &params, &rows);
    batch->count = outcome == DB_DONE ? rows.count : 0;
    return store_outcome_from_db(outcome);
}

static enum store_outcome update(struct db *db, enum statement statement, const char *owner,
                                 const struct task_kind *kind, bool with_interval)
{
    struct db_params params = {0};
    bind_lease(&params, kind, owner);
    if (with_interval)
        db_bind_number(&params, kind->every_s);
    return store_outcome_from_db(db_query(db, statement, &params, NULL));
}

static enum store_outcome renew(struct db *db, const char *owner, const struct task_batch *batch)
{
    return update(db, SWEEP_RENEW, owner, batch->kind, false);
}

static enum store_outcome release(struct db *db, const char *owner, const struct task_batch *batch)
{
    return update(db, SWEEP_RELEASE, owner, batch->kind, false);
}

static enum store_outcome done(struct db *db, const char *owner, const struct task_batch *batch)
{
    return update(db, SWEEP_DONE, owner, batch->kind, true);
}

/* A sweep is never dead: a failed one is retried after every_s seconds at the latest. */
static enum store_outcome failed(struct db *db, const char *owner, const struct task_kind *kind,
                                 const struct task *task, int64_t attempts_max, bool *dead)
{
    struct db_params params = {0};
    (void)attempts_max;
    *dead = false;
    bind_lease(&params, kind, owner);
    db_bind_text(&params, task->error, strlen(task->error));
    db_bind_number(&params, kind->every_s);
    return store_outcome_from_db(db_query(db, SWEEP_FAILED, &params, NULL));
}

const struct task_queue sweep_queue = {claim, renew, release, done, failed};
