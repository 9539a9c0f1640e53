/* The listening sockets of a pool: inherited ones, or new unix sockets. */
#ifndef LIB_PROCESS_LISTEN_H
#define LIB_PROCESS_LISTEN_H

#include <stdbool.h>

/* Returns a listening socket that the process was started with, or -1 when there is none:
 * the one that systemd passes under this name (sd_listen_fds(3)). If first is true, also
 * the first one that systemd passes without a name, or else descriptor 0, as FastCGI
 * programs are given it. The socket becomes non-blocking. */
int listen_inherited(const char *name, bool first);

/* Creates a non-blocking unix socket at path with mode 0660 and replaces a file that is
 * there. Returns the descriptor, or -1 after logging the reason. */
int listen_unix(const char *path);

#endif
