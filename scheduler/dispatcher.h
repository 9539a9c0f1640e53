/* The producer: wakes by the timer and by NOTIFY, claims what is due, and queues it for the executor. */
#ifndef DISPATCHER_H
#define DISPATCHER_H

#include <stdint.h>

#include "db.h"
#include "queue.h"

struct dispatcher;

/* Starts the thread, which wakes every interval_s seconds at least. NULL is logged. The queue gets struct
 * batch, each from malloc. */
struct dispatcher *dispatcher_start(const struct db_options *db, int64_t interval_s, struct queue *queue);

/* Ends it; closes the queue. */
void dispatcher_stop(struct dispatcher *dispatcher);

#endif
