#include "claims.h"

#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "clock.h"
#include "tap.h"

static int renewals;
static const struct task_batch *renewed;
static enum store_outcome answer = STORE_DONE;

static enum store_outcome renew(struct db *db, const char *owner, const struct task_batch *batch)
{
    (void)db;
    renewals += strcmp(owner, "owner") == 0;
    renewed = batch;
    return answer;
}

static const struct task_queue queue = {.renew = renew};
static const struct task_kind kind = {.name = "fake", .queue = &queue};

int main(void)
{
    struct claims *claims = claims_create();
    struct task_batch first = {.kind = &kind}, second = {.kind = &kind};
    is_int(claims_wait_ms(claims), -1, "without claims there is nothing to wait for");
    claims_add(claims, &first);
    claims_add(claims, &second);
    int wait = claims_wait_ms(claims);
    ok(wait > 0 && wait <= RENEW_MS, "new ones have time");
    claims_renew(claims, NULL, "owner");
    is_int(renewals, 0, "and are not renewed before");

    second.renewed_ms = clock_ms() - RENEW_MS;
    is_int(claims_wait_ms(claims), 0, "it is time for the second");
    claims_renew(claims, NULL, "owner");
    is_int(renewals, 1, "which is renewed");
    ok(renewed == &second, "that one and no other");
    ok(claims_wait_ms(claims) > 0, "and then has time again");

    first.renewed_ms = clock_ms() - RENEW_MS;
    answer = STORE_UNAVAILABLE;
    capture_begin(STDERR_FILENO);
    claims_renew(claims, NULL, "owner");
    ok(strstr(capture_end(), "level=warning"), "a renewal that fails is logged");
    ok(claims_wait_ms(claims) > 0, "and tried again later");

    claims_remove(claims, &first);
    claims_remove(claims, &first);
    second.renewed_ms = 0;
    is_int(claims_wait_ms(claims), 0, "the other one is still there");
    claims_remove(claims, &second);
    is_int(claims_wait_ms(claims), -1, "until it is removed, too");
    claims_destroy(claims);
    claims_destroy(NULL);
    return done_testing();
}
