#include "scheduler/tasks/file_delete.h"

#include "scheduler/runner/step.h"

enum { FOLDERS_ONE_BY_ONE = 8 };

static void remove_files(struct task_context *context, struct task_batch *batch)
{
    for (int i = 0; i < batch->count && !task_is_late(context); i++) {
        step_reached("before_unlink");
        task_end(&batch->tasks[i], media_remove(context->media, batch->tasks[i].subject));
        step_reached("after_unlink");
    }
}

/* The folders that the batch has to do with, by media_folder. */
struct folder {
    bool lost, synced; /* a file; whether its flush has been tried */
    const char *error; /* why that failed */
};

/* How many folders have lost a file. */
static int mark_folders(const struct task_batch *batch, struct folder folders[MEDIA_FOLDERS])
{
    int count = 0;
    for (int i = 0; i < batch->count; i++) {
        struct folder *folder = &folders[media_folder(batch->tasks[i].subject)];
        if (batch->tasks[i].state != TASK_DONE || folder->lost)
            continue;
        folder->lost = true;
        count++;
    }
    return count;
}

static void sync_one_by_one(struct task_context *context, struct task_batch *batch,
                            struct folder folders[MEDIA_FOLDERS])
{
    for (int i = 0; i < batch->count; i++) {
        struct task *task = &batch->tasks[i];
        struct folder *folder = &folders[media_folder(task->subject)];
        if (task->state != TASK_DONE)
            continue;
        if (!folder->synced) {
            task_end(task, media_sync(context->media, task->subject));
            folder->synced = true;
            folder->error = task->error;
        }
        task->state = folder->error ? TASK_FAILED : TASK_DONE;
        task->error = folder->error;
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
    struct folder folders[MEDIA_FOLDERS] = {0};
    if (mark_folders(batch, folders) > FOLDERS_ONE_BY_ONE)
        sync_all(context, batch);
    else
        sync_one_by_one(context, batch, folders);
}

void file_delete(struct task_context *context, struct task_batch *batch)
{
    remove_files(context, batch);
    sync_folders(context, batch);
    step_reached("after_sync");
}
