#include "scheduler/runner/executor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/capture.h"
#include "t/unit/tap.h"

/* What the queue has been told, in order. */
static char told[256];
static enum store_outcome answer = STORE_DONE;

static void tell(const char *what, const struct task_batch *batch, enum task_state state)
{
    strcat(told, what);
    for (int i = 0; i < batch->count; i++)
        if (batch->tasks[i].state == state)
            strcat(told, batch->tasks[i].subject);
    strcat(told, " ");
}

static enum store_outcome release(struct db *db, const char *owner, const struct task_batch *batch)
{
    (void)db, (void)owner;
    tell("release:", batch, TASK_UNTOUCHED);
    return answer;
}

static enum store_outcome done(struct db *db, const char *owner, const struct task_batch *batch)
{
    (void)db, (void)owner;
    tell("done:", batch, TASK_DONE);
    return answer;
}

static enum store_outcome failed(struct db *db, const char *owner, const struct task_kind *kind,
                                 const struct task *task, int64_t attempts_max, bool *dead)
{
    (void)db, (void)owner, (void)kind;
    strcat(told, "failed:");
    strcat(told, task->subject);
    strcat(told, " ");
    *dead = attempts_max == 1;
    return answer;
}

/* Upper-case subjects fail, x and what follows isn't begun. */
static void run(struct task_context *context, struct task_batch *batch)
{
    (void)context;
    for (int i = 0; i < batch->count && batch->tasks[i].subject[0] != 'x'; i++) {
        errno = EIO;
        task_end(&batch->tasks[i], batch->tasks[i].subject[0] >= 'a');
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
    told[0] = '\0';
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
    is_text(told, "done:abc ", "what is done is told so at once");
    const char *log = execute("aBcD", 3, true);
    is_text(told, "done:ac failed:B failed:D ", "then what has failed, one by one");
    ok(strstr(log, "level=warning") && strstr(log, "subject=B reason=\"Input/output error\""),
       "of which the log tells");
    ok(!strstr(log, "level=error"), "but no more");
    ok(strstr(execute("A", 1, true), "level=error"), "until it is tried no more");
    execute("axb", 3, true);
    is_text(told, "done:a release:xb ", "what wasn't begun is given back");
    execute("xab", 3, true);
    is_text(told, "release:xab ", "even if that is all");
    execute("ab", 3, false);
    is_text(told, "release:ab ", "a batch may be given back as it is");
    answer = STORE_UNAVAILABLE;
    log = execute("aBCD", 3, true);
    is_text(told, "done:a failed:B ", "without a database it isn't tried again for each failure");
    ok(strstr(log, "recorded=0"), "the log says that it isn't recorded");
    return done_testing();
}
