/* The consumer: removes the files of the batches that the dispatcher queued, makes that durable, and then
 * deletes their rows. No transaction is open while files are touched. Whatever stops it half-way, doing it once
 * more does no harm: a file that has gone is done. */
#ifndef EXECUTOR_H
#define EXECUTOR_H

#include <stdint.h>

#include "db.h"
#include "media.h"
#include "queue.h"

struct executor;

/* Starts the thread. A deletion that failed attempts_max times is left to a person. NULL is logged. */
struct executor *executor_start(const struct db_options *db, int64_t attempts_max, const struct media *media,
                                struct queue *queue);

/* Waits until the queue, which has been closed, is empty and all of it is done. */
void executor_join(struct executor *executor);

#endif
