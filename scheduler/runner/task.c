#include "scheduler/runner/task.h"

#include <errno.h>
#include <string.h>

#include "lib/base/clock.h"

enum {
    /* Time limit of one unit of database work once the deadline is set. */
    RECORD_MS = 1000,
    /* Time limit of all database work after the deadline. Leases not released by then
     * expire. */
    OVERTIME_MS = 2000
};

static int64_t deadline_of(const struct task_context *context)
{
    return context->deadline ? atomic_load(&context->deadline->at_ms) : 0;
}

bool task_past_deadline(const struct task_context *context)
{
    int64_t at_ms = deadline_of(context);
    return at_ms != 0 && clock_left_ms(at_ms) == 0;
}

void task_db_begin(struct task_context *context)
{
    int64_t at_ms = deadline_of(context);
    arena_reset(context->arena);
    if (at_ms == 0) {
        db_begin(context->db, context->arena);
        return;
    }
    int left_ms = clock_left_ms(at_ms + OVERTIME_MS);
    db_begin_within(context->db, context->arena, left_ms < RECORD_MS ? left_ms : RECORD_MS);
}

void task_set_result(struct task *task, bool done)
{
    const char *reason = done ? NULL : strerrordesc_np(errno);
    task->state = done ? TASK_DONE : TASK_FAILED;
    task->error = done ? NULL : reason ? reason : "unknown error";
}
