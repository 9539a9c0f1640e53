/* A bounded FIFO queue of pointers between threads. Producers wait while it is full,
 * consumers while it is empty. */
#ifndef SCHEDULER_RUNNER_QUEUE_H
#define SCHEDULER_RUNNER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

struct queue;

/* Returns NULL when out of memory. queue_destroy accepts NULL and frees no items. */
struct queue *queue_create(size_t capacity);
void queue_destroy(struct queue *queue);

/* Adds an item, which then belongs to the consumer. Waits while the queue is full.
 * Returns false when the queue is closed: the item still belongs to the caller. */
WARN_UNUSED bool queue_put(struct queue *queue, void *item);

/* Returns whether an item can be added without waiting. Reliable only with a single
 * producer. */
WARN_UNUSED bool queue_has_room(struct queue *queue);

/* Takes the oldest item, or waits for one. Returns NULL when the queue is closed and
 * empty. */
void *queue_take(struct queue *queue);

/* Closes the queue: no item can be added any more; those in it can still be taken. */
void queue_close(struct queue *queue);

#endif
