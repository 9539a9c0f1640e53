/* Compares disk and database while the site runs, and finds orphaned files (without a
 * row) and rows whose file is missing.
 *
 * A file is an orphan when it has not changed for orphan_age_s seconds and a query made
 * after that finds no row with its key. The age protects uploads that are being
 * published. A file counts as missing when it is not on disk and the row, read again
 * after that, still refers to it. */
#ifndef SCHEDULER_TASKS_RECONCILE_H
#define SCHEDULER_TASKS_RECONCILE_H

#include "scheduler/runner/task.h"

struct reconcile_result {
    /* Published files on disk. */
    int64_t files;
    /* Of these: orphans. */
    int64_t orphans;
    /* Of the orphans: deleted. */
    int64_t removed;
    /* Videos that have a file, by their rows. */
    int64_t videos;
    /* Of these: without the file. */
    int64_t missing;
    /* Of these: turned into videos without a file. */
    int64_t detached;
};

struct reconcile_action {
    bool remove_orphans;
    /* Turn videos whose file is missing into videos without a file. */
    bool detach_missing;
    /* Remove orphans even when most files are orphans. */
    bool even_if_most;
    /* Called for each one found. May be NULL. */
    void (*on_orphan)(const char *key);
    void (*on_missing)(int64_t video_id, const char *key);
};

/* Returns NULL on success or when the deadline cut it short, else the reason as a
 * static string. Fills *result in all cases. */
const char *reconcile(struct task_context *context, const struct reconcile_action *action,
                      struct reconcile_result *result);

/* The sweep: removes orphans, unless most files are orphans, and logs missing files as
 * errors. */
void reconcile_sweep(struct task_context *context, struct task_batch *batch);

#endif
