/* The table of all kinds of tasks. */
#include "scheduler/tasks/deletion_store.h"
#include "scheduler/tasks/file_delete.h"
#include "scheduler/tasks/incoming_sweep.h"
#include "scheduler/tasks/reconcile.h"
#include "scheduler/tasks/sweep.h"
#include "scheduler/tasks/sweep_store.h"

/* With two executors one batch of files is unlinked while the other waits for the disk or
 * the database. */
const int work_queue_executors[WORK_QUEUE_COUNT] = {[WORK_QUEUE_FILES] = 2, [WORK_QUEUE_SWEEPS] = 1};

const struct task_kind task_kinds[] = {
    {"file_delete", &deletion_queue, WORK_QUEUE_FILES, .run = file_delete},
    {"session_sweep", &sweep_queue, WORK_QUEUE_SWEEPS, .every_s = 60, .run = sweep_rows,
     .statement = SESSION_SWEEP},
    {"upload_sweep", &sweep_queue, WORK_QUEUE_SWEEPS, .every_s = 60, .run = sweep_rows,
     .statement = UPLOAD_SWEEP},
    {"incoming_sweep", &sweep_queue, WORK_QUEUE_SWEEPS, .every_s = 60, .run = incoming_sweep},
    {"clock_sweep", &sweep_queue, WORK_QUEUE_SWEEPS, .every_s = 60, .run = sweep_rows,
     .statement = CLOCK_SWEEP},
    {"trash_sweep", &sweep_queue, WORK_QUEUE_SWEEPS, .every_s = 60, .run = sweep_rows,
     .statement = TRASH_SWEEP},
    {"reconcile", &sweep_queue, WORK_QUEUE_SWEEPS, .every_s = 3600, .run = reconcile_sweep},
};

const int task_kind_count = COUNT_OF(task_kinds);

const char task_channel[] = "video_deletions";
