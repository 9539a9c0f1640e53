/* A lane: a bounded queue of batches, and its executors, threads each of which does them one after the other. */
#ifndef LANE_H
#define LANE_H

#include "claims.h"
#include "task.h"

struct lane;

struct lane_options {
    int executors;
    const struct config *config;
    const struct media *media;
    const struct db_options *db;
    const char *owner;
    struct claims *claims; /* those of the batches that are in the lane */
    int wake_fd;           /* an eventfd that is written to whenever there is room again */
};

/* Starts the threads. NULL is logged. */
struct lane *lane_start(const struct lane_options *options);

/* True when a batch can be put in without waiting. Only the one producer may ask. */
WARN_UNUSED bool lane_has_room(const struct lane *lane);

/* Puts a batch from malloc in, which is the lane's from then on. There must be room. */
void lane_put(struct lane *lane, struct task_batch *batch);

/* From now on nothing new is begun; what runs has a short while left. */
void lane_end(struct lane *lane);

/* True from then on; and when that while is over. */
WARN_UNUSED bool lane_is_ending(const struct lane *lane);
WARN_UNUSED bool lane_is_late(const struct lane *lane);

/* How long the database may take for one thing in a lane that is ending, which is a little longer than what is done. */
WARN_UNUSED int lane_left_ms(const struct lane *lane);

/* Waits for the end of what runs, gives all other claims back, and frees the lane. */
void lane_join(struct lane *lane);

#endif
