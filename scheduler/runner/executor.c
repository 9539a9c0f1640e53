#include "scheduler/runner/executor.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "scheduler/runner/step.h"

static int count_of(const struct task_batch *batch, enum task_state state)
{
    int count = 0;
    for (int i = 0; i < batch->count; i++)
        count += batch->tasks[i].state == state;
    return count;
}

static void record_failures(struct task_context *context, const char *owner, const struct task_batch *batch)
{
    const struct task_kind *kind = batch->kind;
    for (int i = 0; i < batch->count; i++) {
        const struct task *task = &batch->tasks[i];
        bool dead = false;
        if (task->state != TASK_FAILED)
            continue;
        task_db_begin(context);
        enum store_outcome outcome =
            kind->queue->failed(context->db, owner, kind, task, context->config->scheduler_attempts, &dead);
        log_write(dead ? LOG_ERROR : LOG_WARNING, dead ? "task_dead" : "task_failed",
                  "kind=%s id=%lld subject=%s reason=\"%s\" recorded=%d", kind->name, (long long)task->id,
                  task->subject, task->error, outcome == STORE_DONE);
        if (outcome == STORE_UNAVAILABLE)
            return; /* The others would fail, too. Their leases expire. */
    }
}

void executor_release(struct task_context *context, const char *owner, struct task_batch *batch)
{
    int count = count_of(batch, TASK_PENDING);
    if (count == 0)
        return;
    task_db_begin(context);
    enum store_outcome outcome = batch->kind->queue->release(context->db, owner, batch);
    log_write(LOG_INFO, "tasks_released", "kind=%s count=%d recorded=%d", batch->kind->name, count,
              outcome == STORE_DONE);
}

void executor_run(struct task_context *context, const char *owner, struct task_batch *batch)
{
    int64_t start_us = clock_us();
    task_db_begin(context);
    batch->kind->run(context, batch);
    step_reached("before_rows");
    int done = count_of(batch, TASK_DONE);
    task_db_begin(context);
    enum store_outcome outcome = STORE_DONE;
    if (done > 0)
        outcome = batch->kind->queue->done(context->db, owner, batch);
    step_reached("after_rows");
    record_failures(context, owner, batch);
    executor_release(context, owner, batch);
    log_write(outcome == STORE_DONE ? LOG_INFO : LOG_WARNING, "tasks_done",
              "kind=%s count=%d failed=%d recorded=%d us=%lld", batch->kind->name, done,
              count_of(batch, TASK_FAILED), outcome == STORE_DONE, (long long)(clock_us() - start_us));
}
