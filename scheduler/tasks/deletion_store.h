/* The deletion table: files that have to go. */
#ifndef SCHEDULER_TASKS_DELETION_STORE_H
#define SCHEDULER_TASKS_DELETION_STORE_H

#include "scheduler/runner/task.h"

extern const struct task_queue deletion_queue;

/* Removes a video's row and queues its file, for when grace_s seconds are over; done, too, when there is none of
 * either. */
enum store_outcome deletion_store_schedule(struct db *db, int64_t video_id, int64_t grace_s);

#endif
