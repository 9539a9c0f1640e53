/* The producer: wakes by the timer and by NOTIFY, claims what is due, and queues it for the executor. */
#ifndef DISPATCHER_H
#define DISPATCHER_H

#include "config.h"
#include "queue.h"

struct dispatcher;

/* Starts the thread. NULL is logged. The queue gets struct batch, each from malloc. */
struct dispatcher *dispatcher_start(const struct config *config, struct queue *queue);

/* Ends it; closes the queue. */
void dispatcher_stop(struct dispatcher *dispatcher);

#endif
