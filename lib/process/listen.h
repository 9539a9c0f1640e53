/* The listening sockets of a pool: its own, or one that it was started with. */
#ifndef LIB_PROCESS_LISTEN_H
#define LIB_PROCESS_LISTEN_H

#include <stdbool.h>

/* A socket handed over under that name by systemd (sd_listen_fds(3)), or, where first is true, as descriptor
 * 0, the way of FastCGI programs; -1 when there is none. */
int listen_inherited(const char *name, bool first);

/* Makes a unix socket at path, mode 0660, in place of what was left there. Returns the descriptor, or -1,
 * which is logged. */
int listen_unix(const char *path);

#endif
