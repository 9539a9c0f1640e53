/* THE table of the kinds of tasks. */
#include "clock_sweep.h"
#include "deletion_count.h"
#include "deletion_store.h"
#include "file_delete.h"
#include "incoming_sweep.h"
#include "reconcile.h"
#include "session_sweep.h"
#include "sweep_store.h"
#include "trash_sweep.h"
#include "upload_sweep.h"

/* While one batch of files waits for the disk or the database, another one is unlinked. */
const int lane_executors[LANE_COUNT] = {[LANE_FILES] = 2, [LANE_SWEEPS] = 1};

const struct task_kind task_kinds[] = {
    {"file_delete", &deletion_queue, LANE_FILES, .run = file_delete},
    {"session_sweep", &sweep_queue, LANE_SWEEPS, .every_s = 60, .run = session_sweep},
    {"upload_sweep", &sweep_queue, LANE_SWEEPS, .every_s = 60, .run = upload_sweep},
    {"incoming_sweep", &sweep_queue, LANE_SWEEPS, .every_s = 60, .run = incoming_sweep},
    {"clock_sweep", &sweep_queue, LANE_SWEEPS, .every_s = 60, .run = clock_sweep},
    {"trash_sweep", &sweep_queue, LANE_SWEEPS, .every_s = 60, .run = trash_sweep},
    {"reconcile", &sweep_queue, LANE_SWEEPS, .every_s = 3600, .run = reconcile_sweep},
    {"deletion_count", &deletion_count_queue, LANE_SWEEPS, .every_s = 10, .run = deletion_count},
};

const int task_kind_count = COUNT_OF(task_kinds);

const char task_channel[] = "video_deletions";
