/* A bounded queue between two threads. The producer waits while it is full, the consumer while it is empty. */
#ifndef SCHEDULER_RUNNER_QUEUE_H
#define SCHEDULER_RUNNER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

struct queue;

/* NULL: out of memory. */
struct queue *queue_create(size_t capacity);
void queue_destroy(struct queue *queue);

/* Adds an item, which is the consumer's from then on. False when the queue has been closed: it is still the
 * producer's. */
WARN_UNUSED bool queue_put(struct queue *queue, void *item);

/* True when an item can be added without waiting, as long as no other producer comes first. */
WARN_UNUSED bool queue_has_room(struct queue *queue);

/* Takes the oldest item; NULL when the queue has been closed and is empty. */
void *queue_take(struct queue *queue);

/* Nothing more comes in; what is in can still be taken. */
void queue_close(struct queue *queue);

#endif
