#include "scheduler/runner/queue.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "t/unit/tap.h"

enum { CAPACITY = 4, ITEMS = 20000 };

static int items[ITEMS];

static void test_order(void)
{
    struct queue *queue = queue_create(3);
    bool in_order = true;
    int next = 0, taken = 0;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 3; i++)
            in_order = queue_put(queue, &items[next++]) && in_order;
        for (int i = 0; i < 3; i++)
            in_order = queue_take(queue) == &items[taken++] && in_order;
        in_order = queue_put(queue, &items[next++]) && queue_take(queue) == &items[taken++] && in_order;
    }
    ok(in_order, "items leave in the order in which they were added, also after wrapping around");
    queue_destroy(queue);
}

static void test_room(void)
{
    struct queue *queue = queue_create(2);
    ok(queue_has_room(queue), "an empty queue has room");
    ok(queue_put(queue, &items[0]) && queue_has_room(queue), "a queue that is not full has room");
    ok(queue_put(queue, &items[1]) && !queue_has_room(queue), "a full queue has no room");
    ok(queue_take(queue) == &items[0] && queue_has_room(queue), "taking an item makes room");
    queue_destroy(queue);
}

static void test_close(void)
{
    struct queue *queue = queue_create(CAPACITY);
    ok(queue_put(queue, &items[0]) && queue_put(queue, &items[1]), "two items are added");
    queue_close(queue);
    ok(!queue_put(queue, &items[2]), "a closed queue accepts no item");
    ok(queue_take(queue) == &items[0], "the first item can be taken after the close");
    ok(queue_take(queue) == &items[1], "the second item can be taken after the close");
    ok(queue_take(queue) == NULL, "an empty closed queue returns NULL");
    ok(queue_take(queue) == NULL, "an empty closed queue returns NULL again");
    queue_close(queue);
    ok(!queue_put(queue, &items[2]), "a queue closed twice accepts no item");
    queue_destroy(queue);
    queue_destroy(NULL);
}

/* A producer that counts the items that it has added. */
struct producer {
    struct queue *queue;
    atomic_int done;
    bool refused;
};

static void *produce(void *argument)
{
    struct producer *producer = argument;
    for (int i = 0; i < ITEMS && !producer->refused; i++) {
        producer->refused = !queue_put(producer->queue, &items[i]);
        producer->done += !producer->refused;
    }
    return NULL;
}

static pthread_t start(void *(*work)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, argument) != 0)
        exit(2);
    return thread;
}

/* The producer is never ahead of the consumer by more than the capacity. */
static void test_bounded(void)
{
    struct producer producer = {.queue = queue_create(CAPACITY)};
    bool in_order = true, bounded = true;
    pthread_t thread = start(produce, &producer);
    for (int i = 0; i < ITEMS; i++) {
        bounded = bounded && producer.done <= i + CAPACITY;
        in_order = queue_take(producer.queue) == &items[i] && in_order;
    }
    pthread_join(thread, NULL);
    ok(in_order, "items from another thread come in order");
    ok(bounded, "the producer is never ahead by more than the capacity");
    ok(!producer.refused, "no item was refused");
    queue_destroy(producer.queue);
}

static void test_close_when_full(void)
{
    struct producer producer = {.queue = queue_create(CAPACITY)};
    int left = 0;
    pthread_t thread = start(produce, &producer);
    while (producer.done < CAPACITY)
        sched_yield();
    queue_close(producer.queue);
    pthread_join(thread, NULL);
    ok(producer.refused, "a producer that waits for room is refused when the queue is closed");
    is_int(producer.done, CAPACITY, "the queue never held more than its capacity");
    while (queue_take(producer.queue))
        left++;
    is_int(left, CAPACITY, "the items in the queue can be taken after the close");
    queue_destroy(producer.queue);
}

static void *consume(void *argument)
{
    intptr_t count = 0;
    while (queue_take(argument))
        count++;
    return (void *)count;
}

static void test_close_when_empty(void)
{
    struct queue *queue = queue_create(CAPACITY);
    pthread_t threads[2] = {start(consume, queue), start(consume, queue)};
    void *counts[2];
    bool put = true;
    for (int i = 0; i < 100; i++)
        put = queue_put(queue, &items[i]) && put;
    queue_close(queue);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &counts[i]);
    ok(put, "a hundred items are added");
    is_int((intptr_t)counts[0] + (intptr_t)counts[1], 100,
           "each item is taken by one of two consumers, and both end when the queue is closed");
    queue_destroy(queue);
}

int main(void)
{
    test_order();
    test_room();
    test_close();
    test_bounded();
    test_close_when_full();
    test_close_when_empty();
    return done_testing();
}
