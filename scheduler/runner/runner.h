/* The runner: the dispatcher and the work queues that it fills. It runs tasks of any kind
 * (task.h). */
#ifndef SCHEDULER_RUNNER_RUNNER_H
#define SCHEDULER_RUNNER_RUNNER_H

#include "lib/base/config.h"
#include "lib/db/db.h"
#include "lib/media/media.h"

struct runner;

/* Starts the threads. The arguments must outlive the runner. Returns NULL after logging
 * the reason. */
struct runner *runner_start(const struct config *config, const struct media *media,
                            const struct db_options *db);

/* Stops the threads within seconds and frees the runner. Batches that are being run are
 * finished, as far as there is time; all other leases are released. */
void runner_stop(struct runner *runner);

#endif
