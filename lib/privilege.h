/* From root to the user that the pools run as. Nothing here does anything when the process isn't root. */
#ifndef PRIVILEGE_H
#define PRIVILEGE_H

#include <stdbool.h>

#include "compiler.h"

/* Makes user the owner of the file. False is logged. */
WARN_UNUSED bool privilege_give(const char *user, const char *path);

/* Becomes user, for good. False is logged. */
WARN_UNUSED bool privilege_drop(const char *user);

#endif
