#include "scheduler/runner/leases.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "t/unit/capture.h"
#include "t/unit/tap.h"

static struct leases *leases;
static struct task_batch first, second;
static int renewals;
static int64_t renewed;
static bool ends; /* the batch, while its claims are being renewed */
static enum store_outcome answer = STORE_DONE;

static enum store_outcome renew(struct db *db, const char *owner, const struct task_batch *batch)
{
    (void)db;
    renewals += strcmp(owner, "owner") == 0;
    if (ends)
        leases_remove(leases, &second);
    renewed = batch->count == 1 ? batch->tasks[0].id : -1;
    return answer;
}

static const struct task_queue queue = {.renew = renew};
static const struct task_kind kind = {.name = "fake", .queue = &queue};

/* When the database fails others are not tried, and the next time those come first that have waited longest. */
static void test_longest_first(void)
{
    ends = false;
    first.renewed_ms = clock_ms() - 2 * RENEW_MS;
    second.renewed_ms = clock_ms() - 3 * RENEW_MS;
    leases_add(leases, &first);
    leases_add(leases, &second);
    renewals = 0;
    answer = STORE_UNAVAILABLE;
    capture_begin(STDERR_FILENO);
    leases_renew(leases, NULL, "owner");
    capture_end();
    is_int(renewals, 1, "a database that fails is asked once");
    is_int(renewed, 2, "for those that have waited longest");
    answer = STORE_DONE;
    leases_renew(leases, NULL, "owner");
    is_int(renewals, 2, "when it answers again");
    is_int(renewed, 1, "it is asked for the others");
}

int main(void)
{
    leases = leases_create();
    first = (struct task_batch){.kind = &kind, .count = 1, .tasks = {{.id = 1}}};
    second = (struct task_batch){.kind = &kind, .count = 1, .tasks = {{.id = 2}}};
    is_int(leases_wait_ms(leases), -1, "without claims there is nothing to wait for");
    first.renewed_ms = second.renewed_ms = clock_ms();
    leases_add(leases, &first);
    leases_add(leases, &second);
    int wait = leases_wait_ms(leases);
    ok(wait > 0 && wait <= RENEW_MS, "new ones have time");
    leases_renew(leases, NULL, "owner");
    is_int(renewals, 0, "and are not renewed before");

    second.renewed_ms = clock_ms() - RENEW_MS;
    is_int(leases_wait_ms(leases), 0, "it is time for the second");
    leases_renew(leases, NULL, "owner");
    is_int(renewals, 1, "which is renewed");
    ok(renewed == 2, "that one and no other");
    ok(leases_wait_ms(leases) > 0, "and then has time again");

    first.renewed_ms = clock_ms() - RENEW_MS;
    answer = STORE_UNAVAILABLE;
    capture_begin(STDERR_FILENO);
    leases_renew(leases, NULL, "owner");
    ok(strstr(capture_end(), "level=warning"), "a renewal that fails is logged");
    ok(leases_wait_ms(leases) > 0, "and tried again later");

    leases_remove(leases, &first);
    leases_remove(leases, &first);
    second.renewed_ms = 0;
    is_int(leases_wait_ms(leases), 0, "the other one is still there");
    answer = STORE_DONE;
    ends = true;
    alarm(60); /* whoever waits for the database here waits forever */
    leases_renew(leases, NULL, "owner");
    is_int(renewed, 2, "a batch may end while its claims are renewed");
    is_int(leases_wait_ms(leases), -1, "and is gone then");
    test_longest_first();
    leases_destroy(leases);
    leases_destroy(NULL);
    return done_testing();
}
