/* The claims that this daemon has: those of all batches that wait in a lane or are being done. The dispatcher
 * renews them, whatever an executor is busy with. Its functions may be called by several threads. */
#ifndef CLAIMS_H
#define CLAIMS_H

#include "task.h"

struct claims;

/* NULL: out of memory. */
struct claims *claims_create(void);
void claims_destroy(struct claims *claims);

/* A batch is in the list until it is removed, which must be before it is freed. Neither waits for the database. */
void claims_add(struct claims *claims, struct task_batch *batch);
void claims_remove(struct claims *claims, struct task_batch *batch);

/* Milliseconds until claims have to be renewed, -1 when there are none. */
int claims_wait_ms(struct claims *claims);

/* Renews those for which it is time. What fails is tried again the next time. Only one thread may do it. */
void claims_renew(struct claims *claims, struct db *db, const char *owner);

#endif
