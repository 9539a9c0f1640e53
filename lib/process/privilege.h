/* From root to the user that the pools run as. Nothing here does anything when the process isn't root. */
#ifndef LIB_PROCESS_PRIVILEGE_H
#define LIB_PROCESS_PRIVILEGE_H

#include <stdbool.h>

#include "lib/base/compiler.h"

/* Makes user the owner of the file. False is logged. */
WARN_UNUSED bool privilege_chown(const char *user, const char *path);

/* Becomes user, for good. False is logged. */
WARN_UNUSED bool privilege_drop(const char *user);

#endif
