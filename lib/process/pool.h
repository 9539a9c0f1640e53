/* The supervisor of a program: creates the sockets, starts the workers, restarts those
 * that die, and stops them in order.
 *
 * A worker that ran for at least 10 seconds is restarted at once; after a shorter run the
 * restart waits 100 ms, and twice as long after each further short run, up to 5 seconds.
 * When the supervisor dies, the kernel sends its workers SIGTERM. The supervisor is
 * single-threaded; workers start their threads after the fork. */
#ifndef LIB_PROCESS_POOL_H
#define LIB_PROCESS_POOL_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/compiler.h"
#include "lib/http/service.h"

struct pool_group {
    const char *name; /* in the log, and of its socket: NAME.sock in the run folder */
    int processes, threads;
    const struct service *service;

    /* Runs in a worker until SIGTERM or SIGINT, like worker_run. NULL: worker_run. */
    bool (*work)(const struct pool_group *group, const struct config *config, int listen_fd);
    bool no_socket; /* accepts no requests; listen_fd is -1 */
};

/* What a program adds to the supervisor's loop. All hooks run in the supervisor. */
struct pool_hooks {
    bool (*start)(void *context); /* before the sockets and the first worker; sets fd */
    void (*poll)(void *context);  /* when fd is readable, and every interval_ms */
    void (*worker_ended)(void *context, pid_t pid);
    void (*stop)(void *context); /* after the last worker has ended */
    void *context;
    int fd, interval_ms;
    int pause_us; /* after each poll, so that the next one handles several events */
};

struct pool {
    const char *name;
    const struct config *config;
    const struct pool_group *groups; /* the first may inherit descriptor 0 */
    int group_count;                 /* at most POOL_GROUPS_MAX */
    struct pool_hooks *hooks;        /* or NULL */
};

enum { POOL_GROUPS_MAX = 4 };

/* Migrates the database, becomes VS_USER, creates the sockets and supervises the workers
 * until SIGTERM or SIGINT. Returns the exit status: EXIT_FAILURE when it could not
 * start. */
WARN_UNUSED int pool_run(const struct pool *pool);

#endif
