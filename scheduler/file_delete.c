#include "file_delete.h"

#include <errno.h>
#include <string.h>

#include "step.h"

enum { FOLDERS_ONE_BY_ONE = 8 };

static void remove_files(struct task_context *context, struct task_batch *batch)
{
    for (int i = 0; i < batch->count && !task_is_late(context); i++) {
        step_reached("before_unlink");
        task_end(&batch->tasks[i], media_remove(context->media, batch->tasks[i].subject));
        step_reached("after_unlink");
    }
}

/* The one before it in the batch that is in the same folder and is marked; NULL when there is none. */
static const struct task *synced_before(const struct task_batch *batch, int at, const bool *marked)
{
    for (int i = 0; i < at; i++)
        if (marked[i] && memcmp(batch->tasks[i].subject, batch->tasks[at].subject, 2) == 0)
            return &batch->tasks[i];
    return NULL;
}

/* How many folders have lost a file. */
static int count_folders(const struct task_batch *batch)
{
    bool counted[BATCH_MAX] = {false};
    int count = 0;
    for (int i = 0; i < batch->count; i++) {
        counted[i] = batch->tasks[i].state == TASK_DONE && !synced_before(batch, i, counted);
        count += counted[i];
    }
    return count;
}

static void sync_one_by_one(struct task_context *context, struct task_batch *batch)
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

static void sync_all(struct task_context *context, struct task_batch *batch)
{
    if (media_sync_all(context->media))
        return;
    for (int i = 0; i < batch->count; i++)
        if (batch->tasks[i].state == TASK_DONE)
            task_end(&batch->tasks[i], false);
}

static void sync_folders(struct task_context *context, struct task_batch *batch)
{
    if (count_folders(batch) > FOLDERS_ONE_BY_ONE)
        sync_all(context, batch);
    else
        sync_one_by_one(context, batch);
}

void file_delete(struct task_context *context, struct task_batch *batch)
{
    remove_files(context, batch);
    sync_folders(context, batch);
    step_reached("after_sync");
}
