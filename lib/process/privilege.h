/* Drops root privileges to the user that the pools run as. If the process isn't root,
 * nothing here has an effect and every function returns true. */
#ifndef LIB_PROCESS_PRIVILEGE_H
#define LIB_PROCESS_PRIVILEGE_H

#include <stdbool.h>

#include "lib/base/compiler.h"

/* Makes user and the user's group the owners of a file; a symbolic link isn't followed.
 * Returns false after logging the reason. */
WARN_UNUSED bool privilege_chown(const char *user, const char *path);

/* Switches to user permanently. Returns false after logging the reason. */
WARN_UNUSED bool privilege_drop(const char *user);

#endif
