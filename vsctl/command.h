/* The subcommands of vsctl. Each takes the arguments after its name and returns the exit
 * status: 0, 1 on failure, COMMAND_MISUSED for bad arguments. */
#ifndef VSCTL_COMMAND_H
#define VSCTL_COMMAND_H

#include "lib/base/config.h"

enum { COMMAND_MISUSED = 2, COMMAND_FOUND = 3 };

int command_tokens(const struct config *config, int argc, char **argv);
int command_deletions(const struct config *config, int argc, char **argv);
int command_videos(const struct config *config, int argc, char **argv);
/* Also COMMAND_FOUND: problems were found, and not all of them were repaired. */
int command_fsck(const struct config *config, int argc, char **argv);

#endif
