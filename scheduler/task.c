#include "task.h"

#include <errno.h>
#include <string.h>

#include "lane.h"

bool task_is_late(const struct task_context *context)
{
    return context->lane && lane_is_late(context->lane);
}

void task_begin(struct task_context *context)
{
    arena_reset(context->arena);
    if (context->lane && lane_is_ending(context->lane))
        db_begin_within(context->db, context->arena, lane_left_ms(context->lane));
    else
        db_begin(context->db, context->arena);
}

void task_end(struct task *task, bool done)
{
    const char *reason = done ? NULL : strerrordesc_np(errno);
    task->state = done ? TASK_DONE : TASK_FAILED;
    task->error = done ? NULL : reason ? reason : "unknown error";
}
