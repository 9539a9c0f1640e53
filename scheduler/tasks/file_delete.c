#include "scheduler/tasks/file_delete.h"

#include "scheduler/runner/step.h"

/* Up to this many folders are synced one by one; more, by one sync of the whole file
 * system. */
enum { FOLDER_SYNCS_MAX = 8 };

static void remove_files(struct task_context *context, struct task_batch *batch)
{
    for (int i = 0; i < batch->count && !task_past_deadline(context); i++) {
        step_reached("before_unlink");
        task_set_result(&batch->tasks[i], media_remove(context->media, batch->tasks[i].subject));
        step_reached("after_unlink");
    }
}

/* What a batch did to a folder. Indexed by media_folder. */
struct folder {
    /* A file in it was deleted. */
    bool changed;
    /* Its sync was attempted. */
    bool synced;
    /* Why the sync failed, or NULL. */
    const char *error;
};

/* Marks the folders in which files were deleted. Returns how many there are. */
static int mark_changed_folders(const struct task_batch *batch, struct folder folders[MEDIA_FOLDERS])
{
    int count = 0;
    for (int i = 0; i < batch->count; i++) {
        struct folder *folder = &folders[media_folder(batch->tasks[i].subject)];
        if (batch->tasks[i].state != TASK_DONE || folder->changed)
            continue;
        folder->changed = true;
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
            task_set_result(task, media_sync(context->media, task->subject));
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
            task_set_result(&batch->tasks[i], false);
}

static void sync_folders(struct task_context *context, struct task_batch *batch)
{
    struct folder folders[MEDIA_FOLDERS] = {0};
    if (mark_changed_folders(batch, folders) > FOLDER_SYNCS_MAX)
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
