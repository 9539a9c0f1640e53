#include "scheduler/tasks/sweep.h"

#include "lib/base/log.h"

enum { ROWS_AT_ONCE = 1000 };

const char *const sweep_database_failed = "the database did not do it";

void sweep_rows(struct task_context *context, struct task_batch *batch)
{
    struct task *task = &batch->tasks[0];
    int64_t all = 0, count = ROWS_AT_ONCE;
    task->state = TASK_DONE;
    while (count >= ROWS_AT_ONCE && !task_is_late(context)) {
        struct db_params params = {0};
        struct db_rows rows;
        task_begin(context);
        db_bind_number(&params, ROWS_AT_ONCE);
        if (db_query(context->db, batch->kind->statement, &params, &rows) != DB_DONE) {
            task->state = TASK_FAILED;
            task->error = sweep_database_failed;
            return;
        }
        count = db_number(&rows, 0, 0);
        all += count;
    }
    if (all > 0)
        log_write(LOG_INFO, "swept", "kind=%s count=%lld", batch->kind->name, (long long)all);
}
