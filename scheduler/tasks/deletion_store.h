/* The deletion table: the queue of files to delete. */
#ifndef SCHEDULER_TASKS_DELETION_STORE_H
#define SCHEDULER_TASKS_DELETION_STORE_H

#include "scheduler/runner/task.h"

extern const struct task_queue deletion_queue;

/* Deletes a video and queues its file for deletion after grace_s seconds. STORE_DONE also
 * when there is no such video. */
enum store_outcome deletion_store_schedule(struct db *db, int64_t video_id, int64_t grace_s);

#endif
