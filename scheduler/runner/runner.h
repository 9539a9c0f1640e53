/* The runner: a dispatcher, and the lanes that it fills. It knows tasks of any kind (task.h). */
#ifndef SCHEDULER_RUNNER_RUNNER_H
#define SCHEDULER_RUNNER_RUNNER_H

#include "lib/base/config.h"
#include "lib/db/db.h"
#include "lib/media/media.h"

struct runner;

/* Starts its threads; what it is given must outlive it. NULL is logged. */
struct runner *runner_start(const struct config *config, const struct media *media,
                            const struct db_options *db);

/* Ends it within seconds: what runs is finished, all other claims are given back. */
void runner_stop(struct runner *runner);

#endif
