/* The supervisor of a program: makes its sockets, keeps its workers running, ends them in order.
 *
 * A worker that dies is replaced, at once the first time, then with a back-off; a supervisor that dies takes
 * its workers along. Everything here is single-threaded; the workers' threads begin after the fork. */
#ifndef LIB_PROCESS_POOL_H
#define LIB_PROCESS_POOL_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/compiler.h"
#include "lib/http/service.h"

struct pool_group {
    const char *name; /* of its socket, NAME.sock in the run folder, and in the log */
    int processes, threads;
    const struct service *service;

    /* What a worker does until a signal says stop, as worker_run. NULL: that. */
    bool (*work)(const struct pool_group *group, const struct config *config, int listen_fd);
    bool no_socket; /* it answers nobody; listen_fd is -1 */
};

/* Something that the supervisor does beside supervising. */
struct pool_hooks {
    bool (*begin)(void *context); /* before the first worker starts; sets fd */
    void (*look)(void *context);  /* when fd is readable, and every tick_ms */
    void (*worker_ended)(void *context, pid_t pid);
    void (*end)(void *context); /* after the last worker */
    void *context;
    int fd, tick_ms;
    int rest_us; /* after each look; what becomes readable meanwhile is looked at together */
};

struct pool {
    const char *name;
    const struct config *config;
    const struct pool_group *groups; /* the first one takes descriptor 0 when that is a listening socket */
    int group_count;
    struct pool_hooks *watch; /* or NULL */
};

enum { POOL_GROUPS_MAX = 4 };

/* Brings the database up to date, makes the sockets, becomes VS_USER and supervises until SIGTERM or SIGINT.
 * Returns the exit status: 0 when all ended as asked. */
WARN_UNUSED int pool_run(const struct pool *pool);

#endif
