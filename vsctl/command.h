/* The subcommands of vsctl. Each gets what follows its name on the command line and returns the exit status:
 * 0, 1 when it could not be done, COMMAND_MISUSED, or what its own comment says. */
#ifndef VSCTL_COMMAND_H
#define VSCTL_COMMAND_H

#include "lib/base/config.h"

enum { COMMAND_MISUSED = 2, COMMAND_FOUND = 3 };

int command_tokens(const struct config *config, int argc, char **argv);
int command_deletions(const struct config *config, int argc, char **argv);
int command_videos(const struct config *config, int argc, char **argv);
/* COMMAND_FOUND when it has found something and did not repair it. */
int command_fsck(const struct config *config, int argc, char **argv);

#endif
