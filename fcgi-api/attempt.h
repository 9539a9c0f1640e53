/* Limits on password guessing and on registrations.
 *
 * An attempt is counted before the password is verified, so that parallel attempts cannot
 * slip through; a correct password refunds it. Three limits apply to wrong passwords,
 * each over ten minutes:
 * - per account and client (see client.h): further attempts get 429. The account's owner
 *   can still log in from another client.
 * - per client, over all accounts: further attempts get 429.
 * - per account, over all clients: never rejects, because then a stranger could lock the
 *   owner out. Beyond it, each attempt counts several times towards the first limit. That
 *   slows distributed guessing down, but a client that is new to the account still has at
 *   least one attempt.
 *
 * Registrations are limited per client, over an hour, and are not refunded. */
#ifndef FCGI_API_ATTEMPT_H
#define FCGI_API_ATTEMPT_H

#include "lib/http/request.h"

/* What an attempt has taken, for the refund. */
struct attempt {
    uint64_t account, client, account_of_client; /* limiter keys */
    int64_t cost;                                /* taken from account_of_client */
};

/* Counts an attempt to use an account's password. The account is a user name in the form
 * in which the database compares names; the user need not exist. Returns STATUS_ANSWERED
 * when the attempt may proceed, otherwise 429 with request->retry_after_s set. */
WARN_UNUSED enum status attempt_begin(struct request *request, const char *account, struct attempt *attempt);

/* Refunds the attempt: the password was correct. */
void attempt_succeeded(const struct request *request, const struct attempt *attempt);

/* Counts a registration. Returns what attempt_begin returns. */
WARN_UNUSED enum status attempt_begin_registration(struct request *request);

#endif
