#include "scheduler/tasks/incoming_sweep.h"

#include <errno.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "scheduler/tasks/sweep.h"

struct sweep {
    struct task_context *context;
    int64_t count, failures;
};

/* Returns true when the name begins with the id of an upload that has a row: its file is
 * kept, however old it is. Returns true also when the query fails. */
static bool belongs_to_upload(const struct sweep *sweep, const char *name)
{
    char id[PARAM_UUID_SIZE];
    struct db_params params = {0};
    struct db_rows rows;
    if (strlen(name) < PARAM_UUID_SIZE - 1 || !param_uuid(name, PARAM_UUID_SIZE - 1, id))
        return false;
    task_db_begin(sweep->context);
    db_bind_literal(&params, id);
    return db_query(sweep->context->db, UPLOAD_EXISTS, &params, &rows) != DB_DONE || rows.count > 0;
}

static bool visit_file(void *context, const char *name, int64_t change_s)
{
    struct sweep *sweep = context;
    const struct task_context *task = sweep->context;
    if (clock_unix_ms() / 1000 - change_s <= task->config->orphan_age_s || belongs_to_upload(sweep, name))
        return !task_past_deadline(task);
    if (media_remove_incoming(task->media, name))
        sweep->count++;
    else if (errno != ENOENT)
        sweep->failures++;
    return !task_past_deadline(task);
}

void incoming_sweep(struct task_context *context, struct task_batch *batch)
{
    struct sweep sweep = {.context = context};
    bool done = media_list_incoming(context->media, visit_file, &sweep);
    task_set_result(&batch->tasks[0], done);
    if (sweep.count + sweep.failures > 0)
        log_write(sweep.failures ? LOG_WARNING : LOG_INFO, "swept", "kind=%s count=%lld failed=%lld",
                  batch->kind->name, (long long)sweep.count, (long long)sweep.failures);
}
