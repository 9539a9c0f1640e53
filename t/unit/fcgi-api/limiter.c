#include "fcgi-api/limiter.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/tap.h"

enum { SECOND_US = 1000000, KEYS = 65536 };

static const struct limit three_a_minute = {3, 60 * (int64_t)SECOND_US};
static const int64_t now_us = 1000 * (int64_t)SECOND_US;

static int64_t take(struct limiter *limiter, uint64_t key, int64_t cost, int64_t after_s)
{
    return limiter_take(limiter, key, &three_a_minute, cost, now_us + after_s * SECOND_US) / SECOND_US;
}

static void test_allowance(struct limiter *limiter)
{
    is_int(take(limiter, 1, 1, 0), 0, "the first unit of three is available");
    is_int(take(limiter, 1, 1, 0), 0, "the second unit is available");
    is_int(take(limiter, 1, 1, 0), 0, "the third unit is available");
    is_int(take(limiter, 1, 1, 0), 20, "the fourth unit is available after a third of the window");
    is_int(take(limiter, 1, 1, 19), 1, "a rejected call takes nothing");
    is_int(take(limiter, 2, 1, 0), 0, "another key has its own allowance");
    is_int(take(limiter, 1, 1, 20), 0, "after a third of the window, one unit is available");
    is_int(take(limiter, 1, 1, 20), 20, "after a third of the window, a second unit is not available");
    is_int(take(limiter, 1, 1, 80), 0, "after the window, the first unit is available");
    is_int(take(limiter, 1, 1, 80), 0, "after the window, the second unit is available");
    is_int(take(limiter, 1, 1, 80), 0, "after the window, the third unit is available");
    is_int(take(limiter, 1, 1, 80), 20, "after the window, a fourth unit is not available");
}

static void test_cost(struct limiter *limiter)
{
    is_int(take(limiter, 3, 2, 0), 0, "two units can be taken at once");
    is_int(take(limiter, 3, 2, 0), 20, "two more units are not available");
    is_int(take(limiter, 3, 1, 0), 0, "the third unit is available");
    is_int(take(limiter, 4, 9, 0), 0, "a cost above the limit takes the whole allowance");
    is_int(take(limiter, 4, 9, 0), 60, "a cost above the limit is available again after the window");
    is_int(take(limiter, 4, 1, 0), 20, "a single unit is available after a third of the window");
}

static void test_refund(struct limiter *limiter)
{
    static const struct limit unlimited = {0, 60 * (int64_t)SECOND_US};
    is_int(take(limiter, 5, 3, 0), 0, "the whole allowance is taken");
    limiter_refund(limiter, 5, &three_a_minute, 1);
    is_int(take(limiter, 5, 1, 0), 0, "a refunded unit is available");
    is_int(take(limiter, 5, 1, 0), 20, "a refunded unit is available only once");
    limiter_refund(limiter, 5, &three_a_minute, 9);
    is_int(take(limiter, 5, 3, 0), 0, "a refund above the limit makes the whole allowance available");
    is_int(take(limiter, 5, 1, 0), 20, "a refund above the limit adds nothing beyond the allowance");
    limiter_refund(limiter, 6, &three_a_minute, 3);
    is_int(take(limiter, 6, 3, 0), 0, "a key that took nothing has the whole allowance after a refund");
    is_int(take(limiter, 6, 1, 0), 20, "a refund to a key that took nothing adds nothing");
    for (int i = 0; i < 10; i++)
        is_int(limiter_take(limiter, 7, &unlimited, 1, now_us), 0, "a limit of 0 is unlimited");
    limiter_refund(limiter, 7, &unlimited, 1);
}

/* With more keys than slots, the keys whose allowance is used up are not evicted. */
static void test_full(void)
{
    struct limiter *limiter = limiter_create();
    int rejected = 0;
    for (uint64_t key = 0; key < 64; key++)
        if (take(limiter, limiter_key(limiter, &key, sizeof key), 3, 0) != 0)
            rejected++;
    is_int(rejected, 0, "64 keys take their whole allowance");
    for (uint64_t key = 64; key < 4 * (uint64_t)KEYS; key++)
        (void)!take(limiter, limiter_key(limiter, &key, sizeof key), 1, 0);
    for (uint64_t key = 0; key < 64; key++)
        rejected += take(limiter, limiter_key(limiter, &key, sizeof key), 1, 0) > 0;
    is_int(rejected, 64, "a flood of other keys does not evict them");
    limiter_destroy(limiter);
}

static void test_key(struct limiter *limiter)
{
    struct limiter *other = limiter_create();
    ok(limiter_key(limiter, "ann", 3) == limiter_key(limiter, "ann", 3), "equal bytes have equal keys");
    ok(limiter_key(limiter, "ann", 3) != limiter_key(limiter, "bob", 3),
       "different bytes have different keys");
    ok(limiter_key(limiter, "ann", 3) != limiter_key(other, "ann", 3), "another limiter has different keys");
    limiter_destroy(other);
}

/* A process is killed at a random moment while it takes and refunds. */
static void test_shared(struct limiter *limiter)
{
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        while (pid == 0) {
            (void)!limiter_take(limiter, 8, &three_a_minute, 1, now_us);
            limiter_refund(limiter, 8, &three_a_minute, 1);
        }
        usleep(1000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        (void)!limiter_take(limiter, 9, &three_a_minute, 1, now_us);
    }
    ok(true, "a killed process does not leave the lock held");
    is_int(take(limiter, 10, 3, 0), 0, "one process takes the whole allowance of a key");
    pid_t pid = fork();
    if (pid == 0)
        _exit(take(limiter, 10, 1, 0) == 20 ? 0 : 1);
    int status;
    waitpid(pid, &status, 0);
    is_int(status, 0, "another process sees the allowance of that key used up");
}

int main(void)
{
    struct limiter *limiter = limiter_create();
    test_allowance(limiter);
    test_cost(limiter);
    test_refund(limiter);
    test_full();
    test_key(limiter);
    test_shared(limiter);
    limiter_destroy(limiter);
    return done_testing();
}
