/* Tasks, as the runner (dispatcher and executors) sees them. It knows nothing about
 * videos.
 *
 * A kind of task is one source file and one row of the table in kinds.c. Its tasks wait
 * in a queue in the database. A task runs at least once: a kind must tolerate a task that
 * was already done, wholly or in part. A daemon holds a lease on each task that it works
 * on and renews it. When the daemon dies, the lease expires within LEASE_S seconds and
 * another daemon runs the task. */
#ifndef SCHEDULER_RUNNER_TASK_H
#define SCHEDULER_RUNNER_TASK_H

#include <stdatomic.h>

#include "lib/base/config.h"
#include "lib/db/store.h"
#include "lib/media/media.h"

enum { BATCH_MAX = 512, TASK_SUBJECT_SIZE = 40, OWNER_SIZE = PARAM_UUID_SIZE };

/* A macro, because SQL texts contain it. */
#define LEASE_S 6
enum { RENEW_MS = 2000 };

enum task_state { TASK_PENDING, TASK_DONE, TASK_FAILED };

struct task {
    /* The id of its row in the queue. */
    int64_t id;
    /* What the task works on, such as the key of a file. */
    char subject[TASK_SUBJECT_SIZE];
    enum task_state state;
    /* The reason of TASK_FAILED: a static string. */
    const char *error;
};

struct task_kind;

struct task_batch {
    const struct task_kind *kind;
    /* When its leases were requested or last renewed, by clock_ms. */
    int64_t renewed_ms;
    int count;
    struct task tasks[BATCH_MAX];
};

/* Where the last search for due tasks ended, so that the next one can start there.
 * All zeros: the start of the queue. */
struct task_cursor {
    bool begun;
    int64_t time_us, id;
};

/* The queue of a kind. owner is the daemon's UUID. Tasks on which the daemon holds no
 * lease (any more) are not changed. */
struct task_queue {
    /* Leases due tasks and fills batch, whose kind is set, with them. Advances the
     * cursor. */
    enum store_outcome (*claim)(struct db *db, const char *owner, struct task_cursor *cursor,
                                struct task_batch *batch);
    /* Extends the leases of all tasks of the batch. */
    enum store_outcome (*renew)(struct db *db, const char *owner, const struct task_batch *batch);
    /* Releases the leases of the tasks that are TASK_PENDING. */
    enum store_outcome (*release)(struct db *db, const char *owner, const struct task_batch *batch);
    /* Removes the tasks that are TASK_DONE, or schedules their next run. */
    enum store_outcome (*done)(struct db *db, const char *owner, const struct task_batch *batch);
    /* Records that a task failed. Sets *dead when it will not be retried. */
    enum store_outcome (*failed)(struct db *db, const char *owner, const struct task_kind *kind,
                                 const struct task *task, int64_t attempts_max, bool *dead);
};

/* When running tasks have to return. Set when the daemon is to stop. */
struct task_deadline {
    /* By clock_ms. 0: not set. */
    atomic_llong at_ms;
};

/* What a running task may use. */
struct task_context {
    const struct config *config;
    const struct media *media;
    struct db *db;
    struct arena *arena;
    /* NULL: none. */
    const struct task_deadline *deadline;
};

/* Sweeps have a work queue of their own, so that a long one does not delay the deletion
 * of files. */
enum work_queue_name { WORK_QUEUE_FILES, WORK_QUEUE_SWEEPS, WORK_QUEUE_COUNT };

/* How many batches of a work queue are run at the same time. */
enum { WORK_QUEUE_EXECUTORS_MAX = 2 };
extern const int work_queue_executors[WORK_QUEUE_COUNT];

struct task_kind {
    const char *name;
    const struct task_queue *queue;
    enum work_queue_name work_queue;
    /* Of a sweep: seconds from the end of one run to the next. 0: not a sweep. */
    int64_t every_s;
    /* Of a sweep that runs one statement (sweep_rows): its index. */
    size_t statement;

    /* Runs the tasks of the batch and sets their states. Must return soon after
     * task_past_deadline becomes true; tasks not started by then stay TASK_PENDING. */
    void (*run)(struct task_context *context, struct task_batch *batch);
};

extern const struct task_kind task_kinds[];
extern const int task_kind_count;

/* The NOTIFY channel that announces new tasks. */
extern const char task_channel[];

/* Returns true when the daemon is to stop and the deadline has passed. */
WARN_UNUSED bool task_past_deadline(const struct task_context *context);

/* Starts a unit of database work: its statements together get a new timeout, and the rows
 * of earlier ones are freed. Once the deadline is set the timeouts are short. */
void task_db_begin(struct task_context *context);

/* Sets the state to TASK_DONE or, when done is false, to TASK_FAILED with the text of
 * errno. */
void task_set_result(struct task *task, bool done);

#endif
