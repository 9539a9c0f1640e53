#include "scheduler/runner/task.h"

#include <errno.h>
#include <string.h>

#include "lib/base/clock.h"

enum {
    RECORD_MS = 1000, /* for one unit of database work after the deadline is set */
    OVERTIME_MS =
        2000 /* for all of them together, after the deadline: then leases that could not be released expire */
};

static int64_t deadline_of(const struct task_context *context)
{
    return context->deadline ? atomic_load(&context->deadline->at_ms) : 0;
}

bool task_is_late(const struct task_context *context)
{
    int64_t at_ms = deadline_of(context);
    return at_ms != 0 && clock_left_ms(at_ms) == 0;
}

void task_begin(struct task_context *context)
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

void task_end(struct task *task, bool done)
{
    const char *reason = done ? NULL : strerrordesc_np(errno);
    task->state = done ? TASK_DONE : TASK_FAILED;
    task->error = done ? NULL : reason ? reason : "unknown error";
}
