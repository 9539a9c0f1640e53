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
    atomic_int tid; /* 0: it has not begun */
    atomic_bool over;
    sem_t gate; /* its coalescer goes on when it is let through */
};

/* What was begun: the letter of each job, a space behind each coalescer. */
static char history[64];
static atomic_int begun;
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
    atomic_fetch_add(&begun, 1);
    sem_wait(&((struct task *)jobs[0])->gate);
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
    atomic_store(&task->over, true);
    return NULL;
}

/* Whether the thread sleeps in the end: in run, or because another one is there. */
static bool task_sleeps(struct task *task)
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

/* Whether so many batches have begun in the end. */
static bool becomes(int batches)
{
    int64_t deadline_ms = clock_ms() + WAIT_MS;
    while (atomic_load(&begun) < batches && clock_left_ms(deadline_ms) > 0)
        usleep(1000);
    return atomic_load(&begun) == batches;
}

/* Starts a thread for each letter, one after the other. */
static void start(struct task *tasks, struct coalescer *coalescer, const char *letters)
{
    history[0] = '\0';
    atomic_store(&begun, 0);
    for (size_t i = 0; letters[i]; i++) {
        tasks[i] = (struct task){.coalescer = coalescer, .letter = letters[i]};
        sem_init(&tasks[i].gate, 0, 0);
        pthread_create(&tasks[i].thread, NULL, task_main, &tasks[i]);
        ok(task_sleeps(&tasks[i]), "%c is there", letters[i]);
    }
}

static void end(struct task *tasks, const char *letters)
{
    for (size_t i = 0; letters[i]; i++)
        pthread_join(tasks[i].thread, NULL);
}

static void test_all_fit(void)
{
    const struct coalescer_kind kind = {JOBS_MAX, NULL, run};
    struct coalescer *coalescer = coalescer_create(&kind);
    struct task tasks[6];
    start(tasks, coalescer, "a");
    is_text(history, "a ", "who is alone is at it at once");
    sem_post(&tasks[0].gate);
    end(tasks, "a");

    start(tasks, coalescer, "abcdef");
    is_text(history, "a ", "who comes while one is at it waits");
    ok(!atomic_load(&tasks[1].over), "and isn't done before it was begun");
    sem_post(&tasks[0].gate);
    ok(becomes(2), "when that one is done, the next coalescer begins");
    is_text(history, "a bcd ", "of as many of those who wait as a coalescer may have, in their order");
    sem_post(&tasks[1].gate);
    ok(becomes(3), "and then the next one");
    is_text(history, "a bcd ef ", "of the rest");
    sem_post(&tasks[4].gate);
    end(tasks, "abcdef");
    coalescer_destroy(coalescer);
}

static void test_some_fit(void)
{
    const struct coalescer_kind kind = {JOBS_MAX, same_letter, run};
    struct coalescer *coalescer = coalescer_create(&kind);
    struct task tasks[7];
    start(tasks, coalescer, "abababc");
    is_text(history, "a b c ", "what doesn't fit doesn't wait");
    sem_post(&tasks[1].gate);
    ok(becomes(4), "what waited for what it fits goes on");
    is_text(history, "a b c bb ", "and nothing else does");
    sem_post(&tasks[0].gate);
    ok(becomes(5), "until its time has come");
    is_text(history, "a b c bb aa ", "with what it fits");
    for (size_t i = 2; i < COUNT_OF(tasks); i++)
        sem_post(&tasks[i].gate);
    end(tasks, "abababc");
    coalescer_destroy(coalescer);
}

int main(void)
{
    test_all_fit();
    test_some_fit();
    return done_testing();
}
