/* Disk and rows compared, while all goes on: files that no row knows, and rows whose file is gone.
 *
 * A file counts as unknown when it has not changed for a while, so that an upload that is just being published
 * is safe, and when the database, asked afterwards, has no row for it. The other way round each row that has no
 * file is read once more. */
#ifndef SCHEDULER_TASKS_RECONCILE_H
#define SCHEDULER_TASKS_RECONCILE_H

#include "scheduler/runner/task.h"

struct reconcile_result {
    int64_t files;    /* that there are */
    int64_t unknown;  /* of these, without a row and old enough */
    int64_t removed;  /* of the unknown ones */
    int64_t videos;   /* that have a file, by their rows */
    int64_t missing;  /* of these, whose file is gone */
    int64_t detached; /* of the missing ones: the row now says that there is no file */
};

/* What to do with what is found. */
struct reconcile_action {
    bool remove;                                        /* unknown files */
    bool detach;                                        /* rows from files that are gone */
    bool any;                                           /* remove them even when they are most of all */
    void (*unknown)(const char *key);                   /* called for each one; or NULL */
    void (*missing)(int64_t video_id, const char *key); /* the same */
};

/* NULL when all has been compared; else why it has not, a text that stays. */
const char *reconcile(struct task_context *context, const struct reconcile_action *action,
                      struct reconcile_result *result);

/* The kind of task: removes unknown files, and logs missing ones as errors. */
void reconcile_sweep(struct task_context *context, struct task_batch *batch);

#endif
