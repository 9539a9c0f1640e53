#include "scheduler/runner/executor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/capture.h"
#include "t/unit/tap.h"

/* The calls of the queue's functions, each with the subjects of its tasks, in order. */
static char calls[256];
static enum store_outcome queue_outcome = STORE_DONE;

static void record(const char *name, const struct task_batch *batch, enum task_state state)
{
    strcat(calls, name);
    for (int i = 0; i < batch->count; i++)
        if (batch->tasks[i].state == state)
            strcat(calls, batch->tasks[i].subject);
    strcat(calls, " ");
}

static enum store_outcome release(struct db *db, const char *owner, const struct task_batch *batch)
{
    (void)db, (void)owner;
    record("release:", batch, TASK_PENDING);
    return queue_outcome;
}

static enum store_outcome done(struct db *db, const char *owner, const struct task_batch *batch)
{
    (void)db, (void)owner;
    record("done:", batch, TASK_DONE);
    return queue_outcome;
}

static enum store_outcome failed(struct db *db, const char *owner, const struct task_kind *kind,
                                 const struct task *task, int64_t attempts_max, bool *dead)
{
    (void)db, (void)owner, (void)kind;
    strcat(calls, "failed:");
    strcat(calls, task->subject);
    strcat(calls, " ");
    *dead = attempts_max == 1;
    return queue_outcome;
}

/* Subjects in upper case fail. x and those after it are not started. */
static void run(struct task_context *context, struct task_batch *batch)
{
    (void)context;
    for (int i = 0; i < batch->count && batch->tasks[i].subject[0] != 'x'; i++) {
        errno = EIO;
        task_set_result(&batch->tasks[i], batch->tasks[i].subject[0] >= 'a');
    }
}

static const struct task_queue queue = {.release = release, .done = done, .failed = failed};
static const struct task_kind kind = {.name = "fake", .queue = &queue, .run = run};

static const char *execute(const char *subjects, int64_t attempts_max, bool run_it)
{
    const struct config config = {.scheduler_attempts = attempts_max};
    const struct db_options options = {.url = ""};
    struct task_context context = {.config = &config, .db = db_create(&options), .arena = arena_create()};
    struct task_batch batch = {.kind = &kind, .count = (int)strlen(subjects)};
    for (int i = 0; i < batch.count; i++)
        batch.tasks[i].subject[0] = subjects[i];
    calls[0] = '\0';
    capture_begin(STDERR_FILENO);
    if (run_it)
        executor_run(&context, "owner", &batch);
    else
        executor_release(&context, "owner", &batch);
    const char *log = capture_end();
    db_destroy(context.db);
    arena_destroy(context.arena);
    return log;
}

int main(void)
{
    execute("abc", 3, true);
    is_text(calls, "done:abc ", "done tasks are recorded in one call");
    const char *log = execute("aBcD", 3, true);
    is_text(calls, "done:ac failed:B failed:D ", "failed tasks are recorded one by one, after the done ones");
    ok(strstr(log, "level=warning") && strstr(log, "subject=B reason=\"Input/output error\""),
       "each failed task is logged with its reason");
    ok(!strstr(log, "level=error"), "a task that will be retried is no error");
    ok(strstr(execute("A", 1, true), "level=error"), "a task that is dead is logged as an error");
    execute("axb", 3, true);
    is_text(calls, "done:a release:xb ", "tasks that were not started are released");
    execute("xab", 3, true);
    is_text(calls, "release:xab ", "a batch of which no task was started is released");
    execute("ab", 3, false);
    is_text(calls, "release:ab ", "executor_release releases all tasks of a batch that was not run");
    queue_outcome = STORE_UNAVAILABLE;
    log = execute("aBCD", 3, true);
    is_text(calls, "done:a failed:B ",
            "when the database is unavailable, recording failures stops at the first");
    ok(strstr(log, "recorded=0"), "the log says that the result was not recorded");
    return done_testing();
}
