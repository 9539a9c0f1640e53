/* The bucket used by many threads and processes at once. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi-stream/tokens/bucket.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

enum { CAPACITY = 37, CAP = 3, THREADS = 8, PROCESSES = 4, ROUNDS = 5000 };

static struct config config = {.stream_tokens = CAPACITY, .upload_tokens = 1};
static struct bucket *bucket;
static atomic_int next_request, in_use_now, in_use_max;

static void open_new(int client_cap)
{
    config.stream_tokens_per_client = client_cap;
    unlink(scratch_path("bucket"));
    bucket = bucket_open(&config);
    if (!bucket)
        exit(2);
    in_use_now = in_use_max = 0;
}

static enum bucket_outcome take(char token[BUCKET_TOKEN_SIZE])
{
    struct bucket_holder holder = {.nginx_pid = getpid(), .client = 1};
    int n = atomic_fetch_add(&next_request, 1);
    memcpy(holder.request_id, &n, sizeof n);
    return bucket_acquire(bucket, BUCKET_STREAM, &holder, token);
}

static void run_threads(void *(*work)(void *), void *arguments[THREADS])
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, arguments ? arguments[i] : NULL) != 0)
            exit(2);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* The names of the tokens that a thread has taken. */
struct taken {
    int count;
    char tokens[CAPACITY][BUCKET_TOKEN_SIZE];
};

static void *take_all(void *argument)
{
    struct taken *taken = argument;
    while (taken->count < CAPACITY && take(taken->tokens[taken->count]) == BUCKET_TAKEN)
        taken->count++;
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_taking(void)
{
    static struct taken taken[THREADS];
    static char all[THREADS * CAPACITY][BUCKET_TOKEN_SIZE];
    void *arguments[THREADS];
    int count = 0, twice = 0, released = 0;
    open_new(0);
    for (int i = 0; i < THREADS; i++)
        arguments[i] = &taken[i];
    run_threads(take_all, arguments);
    for (int i = 0; i < THREADS; i++)
        for (int at = 0; at < taken[i].count; at++)
            strcpy(all[count++], taken[i].tokens[at]);
    is_int(count, CAPACITY, "concurrent threads take exactly the capacity");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), CAPACITY, "all tokens taken by threads are in use");
    qsort(all, (size_t)count, sizeof all[0], compare);
    for (int i = 1; i < count; i++)
        twice += strcmp(all[i - 1], all[i]) == 0;
    is_int(twice, 0, "no token is taken twice");
    for (int i = 0; i < count; i++)
        released += bucket_release(bucket, all[i], NULL);
    is_int(released, CAPACITY, "each token can be released");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 0, "no token is in use after the releases");
    bucket_close(bucket);
}

/* Takes and releases tokens, mostly at the limit. */
static void *churn(void *argument)
{
    int *failures = argument;
    char token[BUCKET_TOKEN_SIZE];
    for (int i = 0; i < ROUNDS; i++) {
        if (take(token) != BUCKET_TAKEN)
            continue;
        int now = atomic_fetch_add(&in_use_now, 1) + 1, max = atomic_load(&in_use_max);
        while (now > max && !atomic_compare_exchange_weak(&in_use_max, &max, now))
            continue;
        atomic_fetch_sub(&in_use_now, 1);
        *failures += !bucket_release(bucket, token, NULL);
    }
    return NULL;
}

static void test_churn(int client_cap, int limit, const char *name)
{
    int failures[THREADS] = {0}, sum = 0, left = 0;
    char token[BUCKET_TOKEN_SIZE];
    void *arguments[THREADS];
    open_new(client_cap);
    for (int i = 0; i < THREADS; i++)
        arguments[i] = &failures[i];
    for (int i = 0; i < CAPACITY - CAP && client_cap == 0; i++)
        left += take(token) == BUCKET_TAKEN;
    run_threads(churn, arguments);
    for (int i = 0; i < THREADS; i++)
        sum += failures[i];
    is_int(sum, 0, "%s: each token taken can be released", name);
    ok(in_use_max > 0 && in_use_max <= limit, "%s: the limit is never exceeded", name);
    is_int(bucket_in_use(bucket, BUCKET_STREAM), left, "%s: all tokens are released in the end", name);
    bucket_close(bucket);
}

static void test_client_cap(void)
{
    static struct taken taken[THREADS];
    void *arguments[THREADS];
    int count = 0;
    char token[BUCKET_TOKEN_SIZE];
    open_new(CAP);
    for (int i = 0; i < THREADS; i++)
        arguments[i] = &taken[i];
    run_threads(take_all, arguments);
    for (int i = 0; i < THREADS; i++)
        count += taken[i].count;
    ok(count <= CAP, "concurrent threads of one client do not exceed its limit");
    while (take(token) == BUCKET_TAKEN)
        count++;
    is_int(count, CAP, "the client can use its full limit in the end");
    bucket_close(bucket);
}

static void test_processes(void)
{
    pid_t pids[PROCESSES];
    int count = 0, status;
    char token[BUCKET_TOKEN_SIZE];
    open_new(0);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            int taken = 0;
            while (take(token) == BUCKET_TAKEN)
                taken++;
            _exit(taken);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        waitpid(pids[i], &status, 0);
        count += WEXITSTATUS(status);
    }
    is_int(count, CAPACITY, "concurrent processes take exactly the capacity");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), CAPACITY, "the tokens of ended processes stay in use");
    is_int(take(token), BUCKET_FULL, "the bucket is full after that");
    bucket_close(bucket);
}

int main(void)
{
    config.run_dir = scratch_dir();
    test_taking();
    test_churn(0, CAP, "the last few tokens");
    test_churn(CAP, CAP, "one client");
    test_client_cap();
    test_processes();
    return done_testing();
}
