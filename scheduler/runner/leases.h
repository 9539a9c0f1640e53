/* The leases that this daemon holds: those of all batches that wait in a work queue or
 * are being run. The dispatcher renews them, however long an executor takes.
 *
 * Thread-safe, except that only one thread may call leases_renew. */
#ifndef SCHEDULER_RUNNER_LEASES_H
#define SCHEDULER_RUNNER_LEASES_H

#include "scheduler/runner/task.h"

struct leases;

/* Returns NULL when out of memory. leases_destroy accepts NULL and frees no batches. */
struct leases *leases_create(void);
void leases_destroy(struct leases *leases);

/* Adds or removes a batch, which must be removed before it is freed. Removing one that is
 * not there is harmless. Neither function waits for the database. */
void leases_add(struct leases *leases, struct task_batch *batch);
void leases_remove(struct leases *leases, struct task_batch *batch);

/* Returns the milliseconds until a lease is due for renewal: 0 when one is due now, -1
 * when there are none. */
int leases_wait_ms(struct leases *leases);

/* Renews the leases that are due, the oldest first. Stops at the first failure, which is
 * logged; that batch is retried RENEW_MS later. */
void leases_renew(struct leases *leases, struct db *db, const char *owner);

#endif
