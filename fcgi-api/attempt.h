/* What keeps strangers from guessing passwords, and from registering without end.
 *
 * An attempt counts before the password is verified, so that many at once are many; the right password takes it
 * back. There are three allowances, for ten minutes each:
 * - for one account from one client (see client.h). From elsewhere, its owner can still log in.
 * - for one client, whatever the accounts.
 * - for one account from everywhere. Nobody is refused for it, else a stranger could lock the owner out; but once it
 *   is used up, each attempt counts for several of its client's. So the guesses of many clients become few, and
 *   every new client of the owner's still has some. */
#ifndef FCGI_API_ATTEMPT_H
#define FCGI_API_ATTEMPT_H

#include "lib/http/request.h"

struct attempt {
    uint64_t account, client, account_of_client; /* keys */
    int64_t cost;                                /* to the last one */
};

/* Counts an attempt to log in. The account is a name as the database compares it, whether or not there is such a
 * user. STATUS_ANSWERED when it may be made, else 429. */
WARN_UNUSED enum status attempt_begin(struct request *request, const char *account, struct attempt *attempt);

/* The password was right: takes the attempt back. */
void attempt_succeeded(const struct request *request, const struct attempt *attempt);

/* Counts an attempt to register. STATUS_ANSWERED when it may be made, else 429. */
WARN_UNUSED enum status attempt_register(struct request *request);

#endif
