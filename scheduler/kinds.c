/* THE table of the kinds of tasks. */
#include "deletion_store.h"
#include "file_delete.h"

const struct task_kind task_kinds[] = {
    {"file_delete", &deletion_queue, LANE_FILES, .run = file_delete},
};

const int task_kind_count = COUNT_OF(task_kinds);
