/* One instance of a program for each run folder. */
#ifndef LIB_PROCESS_LOCK_H
#define LIB_PROCESS_LOCK_H

#include <stdbool.h>

#include "lib/base/compiler.h"
#include "lib/base/config.h"

/* Locks NAME.pid in the run folder, which is made if it is missing, and writes the process's id there. The
 * lock is the process's alone (children don't have it) and goes with it. False is logged. */
WARN_UNUSED bool lock_acquire(const struct config *config, const char *name);

#endif
