#include "file_delete.h"

#include <errno.h>
#include <string.h>

#include "step.h"

static void remove_files(struct task_context *context, struct batch *batch)
{
    for (int i = 0; i < batch->count && !task_is_late(context); i++) {
        step_reached("before_unlink");
        task_end(&batch->tasks[i], media_remove(context->media, batch->tasks[i].subject));
        step_reached("after_unlink");
    }
}

/* The one before it in the batch whose folder, the same, was synced; NULL when there was none. */
static const struct task *synced_before(const struct batch *batch, int at, const bool *synced)
{
    for (int i = 0; i < at; i++)
        if (synced[i] && memcmp(batch->tasks[i].subject, batch->tasks[at].subject, 2) == 0)
            return &batch->tasks[i];
    return NULL;
}

static void sync_folders(struct task_context *context, struct batch *batch)
{
    bool synced[BATCH_MAX] = {false};
    for (int i = 0; i < batch->count; i++) {
        struct task *task = &batch->tasks[i];
        if (task->state != TASK_DONE)
            continue;
        const struct task *before = synced_before(batch, i, synced);
        if (before) {
            task->state = before->state;
            task->error = before->error;
        } else {
            task_end(task, media_sync(context->media, task->subject));
            synced[i] = true;
        }
    }
}

void file_delete(struct task_context *context, struct batch *batch)
{
    remove_files(context, batch);
    sync_folders(context, batch);
    step_reached("after_sync");
}
