/* The subcommands of vsctl. Each gets what follows its name on the command line and returns the exit status:
 * 0, 1 when it could not be done, or COMMAND_MISUSED. */
#ifndef COMMAND_H
#define COMMAND_H

#include "config.h"

enum { COMMAND_MISUSED = 2 };

int command_tokens(const struct config *config, int argc, char **argv);

#endif
