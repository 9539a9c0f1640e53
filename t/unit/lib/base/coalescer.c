#include "lib/base/coalescer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/compiler.h"
#include "t/unit/tap.h"

enum { JOBS_MAX = 3, WAIT_MS = 20000 };

struct task {
    struct coalescer_job job;
    struct coalescer *coalescer;
    char letter;
    pthread_t thread;
    atomic_int tid; /* 0: not started */
    atomic_bool done;
    sem_t gate; /* blocks the batch that this task's thread runs */
};

/* The started batches: the letter of each job, with a space after each batch. */
static char history[64];
static atomic_int batches_started;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void run(struct coalescer_job *const jobs[], size_t count)
{
    pthread_mutex_lock(&lock);
    size_t length = strlen(history);
    for (size_t i = 0; i < count && length + 2 < sizeof history; i++)
        history[length++] = ((struct task *)jobs[i])->letter;
    history[length++] = ' ';
    history[length] = '\0';
    pthread_mutex_unlock(&lock);
    atomic_fetch_add(&batches_started, 1);
    sem_wait(&((struct task *)jobs[0])->gate);
}

static const char *history_so_far(void)
{
    static char copy[sizeof history];
    pthread_mutex_lock(&lock);
    memcpy(copy, history, sizeof copy);
    pthread_mutex_unlock(&lock);
    return copy;
}

static bool same_letter(const struct coalescer_job *job, const struct coalescer_job *other)
{
    return ((const struct task *)job)->letter == ((const struct task *)other)->letter;
}

static void *task_main(void *argument)
{
    struct task *task = argument;
    atomic_store(&task->tid, gettid());
    coalescer_run(task->coalescer, &task->job);
    atomic_store(&task->done, true);
    return NULL;
}

/* Waits until the thread is blocked: in run, or because its job is queued. */
static bool becomes_blocked(struct task *task)
{
    int64_t deadline_ms = clock_ms() + WAIT_MS;
    char path[64], state = 0;
    while (state != 'S' && clock_left_ms(deadline_ms) > 0) {
        pid_t tid = atomic_load(&task->tid);
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
        FILE *file = tid ? fopen(path, "r") : NULL;
        if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = 0;
        if (file)
            fclose(file);
        usleep(1000);
    }
    return state == 'S';
}

/* Waits until that many batches have started. */
static bool batches_become(int batches)
{
    int64_t deadline_ms = clock_ms() + WAIT_MS;
    while (atomic_load(&batches_started) < batches && clock_left_ms(deadline_ms) > 0)
        usleep(1000);
    return atomic_load(&batches_started) == batches;
}

/* Starts a thread for each letter, in order. */
static void start(struct task *tasks, struct coalescer *coalescer, const char *letters)
{
    history[0] = '\0';
    atomic_store(&batches_started, 0);
    for (size_t i = 0; letters[i]; i++) {
        tasks[i] = (struct task){.coalescer = coalescer, .letter = letters[i]};
        sem_init(&tasks[i].gate, 0, 0);
        pthread_create(&tasks[i].thread, NULL, task_main, &tasks[i]);
        ok(becomes_blocked(&tasks[i]), "the thread of job %c is blocked", letters[i]);
    }
}

static void join(struct task *tasks, const char *letters)
{
    for (size_t i = 0; letters[i]; i++)
        pthread_join(tasks[i].thread, NULL);
}

static void test_all_compatible(void)
{
    const struct coalescer_kind kind = {JOBS_MAX, NULL, run};
    struct coalescer *coalescer = coalescer_create(&kind);
    struct task tasks[6];
    start(tasks, coalescer, "a");
    is_text(history_so_far(), "a ", "a job starts at once when no batch is running");
    sem_post(&tasks[0].gate);
    join(tasks, "a");

    start(tasks, coalescer, "abcdef");
    is_text(history_so_far(), "a ", "jobs that arrive during a batch wait");
    ok(!atomic_load(&tasks[1].done), "a waiting job is not reported as done");
    sem_post(&tasks[0].gate);
    ok(batches_become(2), "the end of a batch starts the next one");
    is_text(history_so_far(), "a bcd ", "a batch takes the oldest waiting jobs, up to the maximum");
    sem_post(&tasks[1].gate);
    ok(batches_become(3), "a third batch follows");
    is_text(history_so_far(), "a bcd ef ", "the last batch takes the remaining jobs");
    sem_post(&tasks[4].gate);
    join(tasks, "abcdef");
    coalescer_destroy(coalescer);
}

static void test_some_compatible(void)
{
    const struct coalescer_kind kind = {JOBS_MAX, same_letter, run};
    struct coalescer *coalescer = coalescer_create(&kind);
    struct task tasks[7];
    start(tasks, coalescer, "abababc");
    is_text(history_so_far(), "a b c ", "a job does not wait for an incompatible batch");
    sem_post(&tasks[1].gate);
    ok(batches_become(4), "the end of a batch starts the compatible waiting jobs");
    is_text(history_so_far(), "a b c bb ", "the end of a batch starts no incompatible job");
    sem_post(&tasks[0].gate);
    ok(batches_become(5), "the other jobs start when their own batch ends");
    is_text(history_so_far(), "a b c bb aa ", "compatible waiting jobs run as one batch");
    for (size_t i = 2; i < COUNT_OF(tasks); i++)
        sem_post(&tasks[i].gate);
    join(tasks, "abababc");
    coalescer_destroy(coalescer);
}

int main(void)
{
    test_all_compatible();
    test_some_compatible();
    return done_testing();
}
