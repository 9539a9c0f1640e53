/* Ensures that only one instance of a program uses a run folder. */
#ifndef LIB_PROCESS_LOCK_H
#define LIB_PROCESS_LOCK_H

#include <stdbool.h>

#include "lib/base/compiler.h"
#include "lib/base/config.h"

/* Locks NAME.pid in the run folder and writes the process id to it. Creates the run
 * folder if it is missing. The lock belongs to this process: children don't inherit it,
 * and it is released when the process ends. Returns false after logging the reason. */
WARN_UNUSED bool lock_acquire(const struct config *config, const char *name);

#endif
