/* The claims that this daemon has: those of all batches that wait in a lane or are being done. The dispatcher
 * renews them, whatever an executor is busy with. Its functions may be called by several threads. */
#ifndef SCHEDULER_RUNNER_LEASES_H
#define SCHEDULER_RUNNER_LEASES_H

#include "scheduler/runner/task.h"

struct leases;

/* NULL: out of memory. */
struct leases *leases_create(void);
void leases_destroy(struct leases *leases);

/* A batch is in the list until it is removed, which must be before it is freed. Neither waits for the database. */
void leases_add(struct leases *leases, struct task_batch *batch);
void leases_remove(struct leases *leases, struct task_batch *batch);

/* Milliseconds until claims have to be renewed, -1 when there are none. */
int leases_wait_ms(struct leases *leases);

/* Renews those for which it is time. What fails is tried again the next time. Only one thread may do it. */
void leases_renew(struct leases *leases, struct db *db, const char *owner);

#endif
