/* What the runner, that is dispatcher and executors, knows of tasks.
 *
 * It knows nothing of videos. A kind of task is one file and one row of the table in kinds.c; where its tasks
 * wait is a queue in the database. A task is done at least once, so a kind must bear that one is done again
 * after it was done or half done. A claim is a lease: the daemon that has it renews it, and loses it within
 * LEASE_S seconds when it dies. */
#ifndef SCHEDULER_RUNNER_TASK_H
#define SCHEDULER_RUNNER_TASK_H

#include <stdatomic.h>

#include "lib/base/config.h"
#include "lib/db/store.h"
#include "lib/media/media.h"

enum { BATCH_MAX = 512, TASK_SUBJECT_SIZE = 40, OWNER_SIZE = PARAM_UUID_SIZE };

/* LEASE_S is part of SQL texts, too. */
#define LEASE_S 6
enum { RENEW_MS = 2000 };

enum task_state { TASK_UNTOUCHED, TASK_DONE, TASK_FAILED };

struct task {
    int64_t id;                      /* in its queue */
    char subject[TASK_SUBJECT_SIZE]; /* what it is done to */
    enum task_state state;
    const char *error; /* why it failed, a text that stays */
};

struct task_kind;

struct task_batch {
    const struct task_kind *kind;
    int64_t renewed_ms; /* of clock_ms, when its claims were asked for or renewed the last time */
    int count;
    struct task tasks[BATCH_MAX];
};

/* How far a run of claims has come, so that none searches again where the one before has. Zeros: the start. */
struct task_cursor {
    bool begun;
    int64_t time_us, id;
};

/* Where the tasks of a kind wait. owner is the daemon's UUID: what it does not have, or no longer, is left
 * alone. */
struct task_queue {
    /* Fills batch, whose kind is set, with tasks that are due. */
    enum store_outcome (*claim)(struct db *db, const char *owner, struct task_cursor *cursor,
                                struct task_batch *batch);
    enum store_outcome (*renew)(struct db *db, const char *owner, const struct task_batch *batch);
    /* Gives the untouched tasks back. */
    enum store_outcome (*release)(struct db *db, const char *owner, const struct task_batch *batch);
    /* Takes note of the tasks that are done. */
    enum store_outcome (*done)(struct db *db, const char *owner, const struct task_batch *batch);
    /* Takes note of a task that failed; *dead: it will not be tried again by itself. */
    enum store_outcome (*failed)(struct db *db, const char *owner, const struct task_kind *kind,
                                 const struct task *task, int64_t attempts_max, bool *dead);
};

/* When tasks have to return, once the daemon is to stop. */
struct task_deadline {
    atomic_llong at_ms; /* of clock_ms; 0: not yet known */
};

/* What a kind has to work with. */
struct task_context {
    const struct config *config;
    const struct media *media;
    struct db *db;
    struct arena *arena;
    const struct task_deadline *deadline; /* NULL: none */
};

/* Who does the tasks. What takes long must not keep files waiting. */
enum work_queue_name { WORK_QUEUE_FILES, WORK_QUEUE_SWEEPS, WORK_QUEUE_COUNT };

/* How many batches of a lane are done at the same time. */
enum { WORK_QUEUE_EXECUTORS_MAX = 2 };
extern const int work_queue_executors[WORK_QUEUE_COUNT];

struct task_kind {
    const char *name;
    const struct task_queue *queue;
    enum work_queue_name work_queue;
    int64_t every_s; /* of a sweep: from the end of one to the next; 0 of what is queued */

    size_t statement; /* of a sweep that is one statement, see sweep_rows */

    /* Does what the batch says and sets each task's state. It returns soon after task_is_late. */
    void (*run)(struct task_context *context, struct task_batch *batch);
};

extern const struct task_kind task_kinds[];
extern const int task_kind_count;

/* Where NOTIFY says that there may be tasks. */
extern const char task_channel[];

/* The daemon is to end, and what is left undone has to be given back. */
WARN_UNUSED bool task_is_late(const struct task_context *context);

/* Starts a piece of work with the database: statements get their time anew, and what they returned before is gone. When
 * the daemon is to end, all such pieces together have a short while. */
void task_begin(struct task_context *context);

/* Sets the state of a task that may have failed, by errno. */
void task_end(struct task *task, bool done);

#endif
