#include "scheduler/runner/leases.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "t/unit/capture.h"
#include "t/unit/tap.h"

static struct leases *leases;
static struct task_batch first, second;
static int renewals;
/* The id of the last renewed batch's only task, or -1. */
static int64_t renewed_id;
/* Whether renew removes the second batch, as an executor may meanwhile. */
static bool removes_batch;
static enum store_outcome renew_outcome = STORE_DONE;

static enum store_outcome renew(struct db *db, const char *owner, const struct task_batch *batch)
{
    (void)db;
    renewals += strcmp(owner, "owner") == 0;
    if (removes_batch)
        leases_remove(leases, &second);
    renewed_id = batch->count == 1 ? batch->tasks[0].id : -1;
    return renew_outcome;
}

static const struct task_queue queue = {.renew = renew};
static const struct task_kind kind = {.name = "fake", .queue = &queue};

/* A failed renewal ends the round; the next round starts with the batch renewed longest
 * ago. */
static void test_oldest_first(void)
{
    removes_batch = false;
    first.renewed_ms = clock_ms() - 2 * RENEW_MS;
    second.renewed_ms = clock_ms() - 3 * RENEW_MS;
    leases_add(leases, &first);
    leases_add(leases, &second);
    renewals = 0;
    renew_outcome = STORE_UNAVAILABLE;
    capture_begin(STDERR_FILENO);
    leases_renew(leases, NULL, "owner");
    capture_end();
    is_int(renewals, 1, "after a failed renewal no other is attempted");
    is_int(renewed_id, 2, "the batch renewed longest ago came first");
    renew_outcome = STORE_DONE;
    leases_renew(leases, NULL, "owner");
    is_int(renewals, 2, "the next round renews one batch");
    is_int(renewed_id, 1, "it is the other batch");
}

int main(void)
{
    leases = leases_create();
    first = (struct task_batch){.kind = &kind, .count = 1, .tasks = {{.id = 1}}};
    second = (struct task_batch){.kind = &kind, .count = 1, .tasks = {{.id = 2}}};
    is_int(leases_wait_ms(leases), -1, "without leases there is nothing to wait for");
    first.renewed_ms = second.renewed_ms = clock_ms();
    leases_add(leases, &first);
    leases_add(leases, &second);
    int wait = leases_wait_ms(leases);
    ok(wait > 0 && wait <= RENEW_MS, "new leases are due within RENEW_MS");
    leases_renew(leases, NULL, "owner");
    is_int(renewals, 0, "leases that are not due are not renewed");

    second.renewed_ms = clock_ms() - RENEW_MS;
    is_int(leases_wait_ms(leases), 0, "an old lease is due at once");
    leases_renew(leases, NULL, "owner");
    is_int(renewals, 1, "one batch is renewed");
    ok(renewed_id == 2, "it is the batch whose lease was due");
    ok(leases_wait_ms(leases) > 0, "after the renewal no lease is due");

    first.renewed_ms = clock_ms() - RENEW_MS;
    renew_outcome = STORE_UNAVAILABLE;
    capture_begin(STDERR_FILENO);
    leases_renew(leases, NULL, "owner");
    ok(strstr(capture_end(), "level=warning"), "a failed renewal is logged");
    ok(leases_wait_ms(leases) > 0, "a failed renewal is not retried at once");

    leases_remove(leases, &first);
    leases_remove(leases, &first);
    second.renewed_ms = 0;
    is_int(leases_wait_ms(leases), 0, "removing a batch, even twice, leaves the other one");
    renew_outcome = STORE_DONE;
    removes_batch = true;
    alarm(60); /* Ends the test should leases_remove deadlock. */
    leases_renew(leases, NULL, "owner");
    is_int(renewed_id, 2, "a batch can be removed while its leases are renewed");
    is_int(leases_wait_ms(leases), -1, "no batch is left");
    test_oldest_first();
    leases_destroy(leases);
    leases_destroy(NULL);
    return done_testing();
}
