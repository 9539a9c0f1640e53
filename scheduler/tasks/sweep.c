#include "scheduler/tasks/sweep.h"

#include "lib/base/log.h"

enum { ROWS_AT_ONCE = 1000 };

const char *const sweep_query_failed = "the database query failed";

void sweep_rows(struct task_context *context, struct task_batch *batch)
{
    struct task *task = &batch->tasks[0];
    int64_t total = 0, count = ROWS_AT_ONCE;
    task->state = TASK_DONE;
    while (count >= ROWS_AT_ONCE && !task_past_deadline(context)) {
        struct db_params params = {0};
        struct db_rows rows;
        task_db_begin(context);
        db_bind_number(&params, ROWS_AT_ONCE);
        if (db_query(context->db, batch->kind->statement, &params, &rows) != DB_DONE) {
            task->state = TASK_FAILED;
            task->error = sweep_query_failed;
            return;
        }
        count = db_number(&rows, 0, 0);
        total += count;
    }
    if (total > 0)
        log_write(LOG_INFO, "swept", "kind=%s count=%lld", batch->kind->name, (long long)total);
}
