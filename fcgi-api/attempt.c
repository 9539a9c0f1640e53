#include "fcgi-api/attempt.h"

#include <string.h>

#include "fcgi-api/api.h"
#include "lib/base/client.h"
#include "lib/base/clock.h"

enum {
    LOGIN_MINUTES = 10,
    REGISTER_MINUTES = 60,
    COST_UNDER_ATTACK = 5,
};

/* Part of each key, so that keys of different kinds never collide. */
enum kind { ACCOUNT, CLIENT, ACCOUNT_OF_CLIENT, REGISTER };

static const int64_t MINUTE_US = 60LL * 1000 * 1000;

struct limits {
    struct limit account, client, account_of_client, registrations;
};

static struct limits limits_of(const struct config *config)
{
    return (struct limits){
        .account = {config->login_failures_per_account, LOGIN_MINUTES * MINUTE_US},
        .client = {config->login_failures_per_address, LOGIN_MINUTES * MINUTE_US},
        .account_of_client = {config->login_failures, LOGIN_MINUTES * MINUTE_US},
        .registrations = {config->registrations_per_address, REGISTER_MINUTES * MINUTE_US},
    };
}

static struct limiter *limiter_of(const struct request *request)
{
    const struct api_context *context = request->context;
    return context->limiter;
}

static uint64_t key_of(const struct request *request, enum kind kind, uint64_t account, uint64_t client)
{
    const uint64_t parts[] = {kind, account, client};
    return limiter_key(limiter_of(request), parts, sizeof parts);
}

static enum status reject(struct request *request, int64_t wait_us, const char *detail)
{
    request->retry_after_s = (int)((wait_us + 999999) / 1000000);
    return request_refuse(request, STATUS_TOO_MANY_REQUESTS, detail);
}

enum status attempt_begin(struct request *request, const char *account, struct attempt *attempt)
{
    struct limiter *limiter = limiter_of(request);
    const struct limits limits = limits_of(request->config);
    uint64_t name = limiter_key(limiter, account, strlen(account));
    uint64_t client = client_from_address(request_variable(request, "REMOTE_ADDR"));
    int64_t now_us = clock_us();
    *attempt = (struct attempt){
        .account = key_of(request, ACCOUNT, name, 0),
        .client = key_of(request, CLIENT, 0, client),
        .account_of_client = key_of(request, ACCOUNT_OF_CLIENT, name, client),
        .cost = 1,
    };
    int64_t wait_us = limiter_take(limiter, attempt->client, &limits.client, 1, now_us);
    if (wait_us > 0)
        return reject(request, wait_us, "too many wrong passwords from this address; try again later");
    if (limiter_take(limiter, attempt->account, &limits.account, 1, now_us) > 0)
        attempt->cost = COST_UNDER_ATTACK;
    wait_us =
        limiter_take(limiter, attempt->account_of_client, &limits.account_of_client, attempt->cost, now_us);
    if (wait_us == 0)
        return STATUS_ANSWERED;
    /* A rejected attempt counts against no limit. */
    limiter_refund(limiter, attempt->client, &limits.client, 1);
    if (attempt->cost == 1)
        limiter_refund(limiter, attempt->account, &limits.account, 1);
    return reject(request, wait_us,
                  "too many wrong passwords for this account from this address; try again later");
}

void attempt_succeeded(const struct request *request, const struct attempt *attempt)
{
    struct limiter *limiter = limiter_of(request);
    const struct limits limits = limits_of(request->config);
    limiter_refund(limiter, attempt->client, &limits.client, 1);
    limiter_refund(limiter, attempt->account_of_client, &limits.account_of_client, attempt->cost);
    if (attempt->cost == 1)
        limiter_refund(limiter, attempt->account, &limits.account, 1);
}

enum status attempt_begin_registration(struct request *request)
{
    const struct limits limits = limits_of(request->config);
    uint64_t client = client_from_address(request_variable(request, "REMOTE_ADDR"));
    uint64_t key = key_of(request, REGISTER, 0, client);
    int64_t wait_us = limiter_take(limiter_of(request), key, &limits.registrations, 1, clock_us());
    return wait_us == 0
               ? STATUS_ANSWERED
               : reject(request, wait_us, "too many registrations from this address; try again later");
}
