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
    is_int(take(limiter, 1, 1, 0), 0, "the first time");
    is_int(take(limiter, 1, 1, 0), 0, "the second");
    is_int(take(limiter, 1, 1, 0), 0, "the third");
    is_int(take(limiter, 1, 1, 0), 20, "the fourth has to wait for a third of the window");
    is_int(take(limiter, 1, 1, 19), 1, "a refusal does not count");
    is_int(take(limiter, 2, 1, 0), 0, "another key has its own");
    is_int(take(limiter, 1, 1, 20), 0, "then there is one more");
    is_int(take(limiter, 1, 1, 20), 20, "and no more");
    is_int(take(limiter, 1, 1, 80), 0, "after a window");
    is_int(take(limiter, 1, 1, 80), 0, "all of them");
    is_int(take(limiter, 1, 1, 80), 0, "are back");
    is_int(take(limiter, 1, 1, 80), 20, "but no more than that");
}

static void test_cost(struct limiter *limiter)
{
    is_int(take(limiter, 3, 2, 0), 0, "two at once");
    is_int(take(limiter, 3, 2, 0), 20, "two more are too many");
    is_int(take(limiter, 3, 1, 0), 0, "one isn't");
    is_int(take(limiter, 4, 9, 0), 0, "more than there are is all of them");
    is_int(take(limiter, 4, 9, 0), 60, "and comes back with the window");
    is_int(take(limiter, 4, 1, 0), 20, "one comes sooner");
}

static void test_give_back(struct limiter *limiter)
{
    static const struct limit none = {0, 60 * (int64_t)SECOND_US};
    is_int(take(limiter, 5, 3, 0), 0, "all of them");
    limiter_refund(limiter, 5, &three_a_minute, 1);
    is_int(take(limiter, 5, 1, 0), 0, "what is given back can be taken");
    is_int(take(limiter, 5, 1, 0), 20, "once");
    limiter_refund(limiter, 5, &three_a_minute, 9);
    is_int(take(limiter, 5, 3, 0), 0, "more than there are is all of them");
    is_int(take(limiter, 5, 1, 0), 20, "and not more");
    limiter_refund(limiter, 6, &three_a_minute, 3);
    is_int(take(limiter, 6, 3, 0), 0, "what was never taken");
    is_int(take(limiter, 6, 1, 0), 20, "can't be given back");
    for (int i = 0; i < 10; i++)
        is_int(limiter_take(limiter, 7, &none, 1, now_us), 0, "without a limit there is none");
    limiter_refund(limiter, 7, &none, 1);
}

/* Far more keys than places: those that are used up for longest are still known. */
static void test_full(void)
{
    struct limiter *limiter = limiter_create();
    int known = 0;
    for (uint64_t key = 0; key < 64; key++)
        if (take(limiter, limiter_key(limiter, &key, sizeof key), 3, 0) != 0)
            known++;
    is_int(known, 0, "64 keys use up their allowance");
    for (uint64_t key = 64; key < 4 * (uint64_t)KEYS; key++)
        (void)!take(limiter, limiter_key(limiter, &key, sizeof key), 1, 0);
    for (uint64_t key = 0; key < 64; key++)
        known += take(limiter, limiter_key(limiter, &key, sizeof key), 1, 0) > 0;
    is_int(known, 64, "a flood of others doesn't make them forgotten");
    limiter_destroy(limiter);
}

static void test_key(struct limiter *limiter)
{
    struct limiter *other = limiter_create();
    ok(limiter_key(limiter, "ann", 3) == limiter_key(limiter, "ann", 3), "a key is a key");
    ok(limiter_key(limiter, "ann", 3) != limiter_key(limiter, "bob", 3), "others are others");
    ok(limiter_key(limiter, "ann", 3) != limiter_key(other, "ann", 3), "another limiter's, too");
    limiter_destroy(other);
}

/* Two processes, one of which dies at any moment while it takes and gives. */
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
    ok(true, "a process that dies leaves no lock behind");
    is_int(take(limiter, 10, 3, 0), 0, "a key");
    pid_t pid = fork();
    if (pid == 0)
        _exit(take(limiter, 10, 1, 0) == 20 ? 0 : 1);
    int status;
    waitpid(pid, &status, 0);
    is_int(status, 0, "is the same for all processes");
}

int main(void)
{
    struct limiter *limiter = limiter_create();
    test_allowance(limiter);
    test_cost(limiter);
    test_give_back(limiter);
    test_full();
    test_key(limiter);
    test_shared(limiter);
    limiter_destroy(limiter);
    return done_testing();
}
