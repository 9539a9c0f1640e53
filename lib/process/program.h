/* What the three programs do before they are different: options, settings, libraries. */
#ifndef LIB_PROCESS_PROGRAM_H
#define LIB_PROCESS_PROGRAM_H

#include <stdbool.h>

#include "lib/base/config.h"

/* Reads the command line and the environment. True: config is filled, go on. False: end with *exit_status,
 * everything has been said (--help, --version, --check-config, or a mistake). */
WARN_UNUSED bool program_begin(int argc, char **argv, const char *summary, struct config *config,
                               int *exit_status);

#endif
