/* The common start of all programs: command line, settings, libraries. */
#ifndef LIB_PROCESS_PROGRAM_H
#define LIB_PROCESS_PROGRAM_H

#include <stdbool.h>

#include "lib/base/config.h"

/* Parses the command line and the environment. Returns true when config is set and the
 * program can start. Returns false when it must exit with *exit_status: after --help,
 * --version or --check-config, or after printing an error. */
WARN_UNUSED bool program_begin(int argc, char **argv, const char *summary, struct config *config,
                               int *exit_status);

#endif
