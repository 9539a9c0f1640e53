#include "lib/process/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/db/migrate.h"
#include "lib/metrics/metrics.h"
#include "lib/process/listen.h"
#include "lib/process/lock.h"
#include "lib/process/privilege.h"
#include "lib/process/worker.h"

enum {
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 5000,
    STABLE_MS = 10 * 1000, /* a worker that ran for this long is restarted at once */
    KILL_GRACE_MS = 2000,  /* from the workers' shutdown timeout to SIGKILL */
    PATH_SIZE = 256,
};

struct worker_slot {
    const struct pool_group *group;
    int listen_fd;
    pid_t pid; /* 0: no worker */
    int64_t start_ms;
    int64_t next_start_ms;
    int backoff_ms;
};

struct supervisor {
    const struct pool *pool;
    struct worker_slot *slots;
    int slot_count;
    int listen_fds[POOL_GROUPS_MAX];
    int signal_fd;
    bool stopping;
    int64_t kill_at_ms;
};

static int open_socket(const struct pool *pool, const struct pool_group *group)
{
    char path[PATH_SIZE], name[64];
    int fd = listen_inherited(group->name, group == pool->groups);
    if (fd >= 0)
        return fd;
    snprintf(name, sizeof name, "%s.sock", group->name);
    if (!config_run_path(pool->config, name, path, sizeof path)) {
        log_write(LOG_ERROR, "listen_failed", "reason=\"VS_RUN_DIR is too long\"");
        return -1;
    }
    return listen_unix(path);
}

static bool open_sockets(struct supervisor *supervisor)
{
    for (int i = 0; i < supervisor->pool->group_count; i++) {
        const struct pool_group *group = &supervisor->pool->groups[i];
        supervisor->listen_fds[i] = group->no_socket ? -1 : open_socket(supervisor->pool, group);
        if (supervisor->listen_fds[i] < 0 && !group->no_socket)
            return false;
    }
    return true;
}

static bool make_slots(struct supervisor *supervisor)
{
    const struct pool *pool = supervisor->pool;
    for (int i = 0; i < pool->group_count; i++)
        supervisor->slot_count += pool->groups[i].processes;
    /* NOLINTNEXTLINE(*UnixAPI): a pool has at least one group */
    supervisor->slots = calloc((size_t)supervisor->slot_count, sizeof *supervisor->slots);
    struct worker_slot *slot = supervisor->slots;
    for (int i = 0; slot && i < pool->group_count; i++)
        for (int k = 0; k < pool->groups[i].processes; k++, slot++)
            *slot = (struct worker_slot){.group = &pool->groups[i],
                                         .listen_fd = supervisor->listen_fds[i],
                                         .backoff_ms = BACKOFF_MIN_MS};
    return supervisor->slots != NULL;
}

static bool block_signals(struct supervisor *supervisor)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    supervisor->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return supervisor->signal_fd >= 0;
}

/* Runs in the child after the fork; never returns. */
static void run_worker(struct supervisor *supervisor, const struct worker_slot *slot, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(0);
    close(supervisor->signal_fd);
    for (int i = 0; i < supervisor->pool->group_count; i++)
        if (supervisor->listen_fds[i] >= 0 && supervisor->listen_fds[i] != slot->listen_fd)
            close(supervisor->listen_fds[i]);
    const struct config *config = supervisor->pool->config;
    const struct pool_group *group = slot->group;
    int listen_fd = slot->listen_fd;
    free(supervisor->slots);
    bool done = group->work ? group->work(group, config, listen_fd)
                            : worker_run(group->service, config, listen_fd, group->threads);
    if (!done)
        _exit(1); /* threads may still run */
    exit(0);
}

static void start_worker(struct supervisor *supervisor, struct worker_slot *slot)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        run_worker(supervisor, slot, parent);
    if (slot->start_ms != 0)
        metrics_add(METRIC_WORKER_RESTARTS, 1);
    slot->start_ms = clock_ms();
    if (pid < 0) {
        log_write(LOG_ERROR, "fork_failed", "reason=\"%s\"", strerror(errno));
        slot->next_start_ms = slot->start_ms + BACKOFF_MAX_MS;
        return;
    }
    slot->pid = pid;
    log_write(LOG_INFO, "worker_started", "pool=%s worker=%d", slot->group->name, (int)pid);
}

static void start_due_workers(struct supervisor *supervisor)
{
    int64_t now = clock_ms();
    for (int i = 0; i < supervisor->slot_count && !supervisor->stopping; i++)
        if (supervisor->slots[i].pid == 0 && supervisor->slots[i].next_start_ms <= now)
            start_worker(supervisor, &supervisor->slots[i]);
}

static void log_exit(const struct supervisor *supervisor, const struct worker_slot *slot, int status)
{
    bool expected = supervisor->stopping && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    log_write(expected ? LOG_INFO : LOG_ERROR, "worker_ended", "pool=%s worker=%d %s=%d uptime_ms=%lld",
              slot->group->name, (int)slot->pid, WIFSIGNALED(status) ? "signal" : "exit",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
              (long long)(clock_ms() - slot->start_ms));
}

static void worker_ended(struct supervisor *supervisor, struct worker_slot *slot, int status)
{
    const struct pool_hooks *hooks = supervisor->pool->hooks;
    int64_t now = clock_ms();
    log_exit(supervisor, slot, status);
    if (hooks)
        hooks->worker_ended(hooks->context, slot->pid);
    slot->pid = 0;
    if (now - slot->start_ms >= STABLE_MS) {
        slot->backoff_ms = BACKOFF_MIN_MS;
        slot->next_start_ms = now;
        return;
    }
    slot->next_start_ms = now + slot->backoff_ms;
    slot->backoff_ms = slot->backoff_ms < BACKOFF_MAX_MS / 2 ? slot->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < supervisor->slot_count; i++)
            if (supervisor->slots[i].pid == pid)
                worker_ended(supervisor, &supervisor->slots[i], status);
}

static int running_workers(const struct supervisor *supervisor)
{
    int count = 0;
    for (int i = 0; i < supervisor->slot_count; i++)
        count += supervisor->slots[i].pid != 0;
    return count;
}

static void signal_workers(const struct supervisor *supervisor, int number)
{
    for (int i = 0; i < supervisor->slot_count; i++)
        if (supervisor->slots[i].pid != 0)
            kill(supervisor->slots[i].pid, number);
}

static void stop(struct supervisor *supervisor)
{
    if (supervisor->stopping)
        return;
    log_write(LOG_INFO, "stopping", "workers=%d", running_workers(supervisor));
    supervisor->stopping = true;
    supervisor->kill_at_ms = clock_ms() + supervisor->pool->config->shutdown_timeout_s * 1000 + KILL_GRACE_MS;
    signal_workers(supervisor, SIGTERM);
}

static void handle_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;
    while (read(supervisor->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(supervisor);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            stop(supervisor);
    }
}

static int earlier(int wait_ms, int other_ms)
{
    return wait_ms < 0 || other_ms < wait_ms ? other_ms : wait_ms;
}

/* Milliseconds until the next timed action, -1 when there is none. */
static int wait_ms(const struct supervisor *supervisor)
{
    int wait = supervisor->pool->hooks ? supervisor->pool->hooks->interval_ms : -1;
    if (supervisor->stopping)
        return earlier(wait, clock_left_ms(supervisor->kill_at_ms));
    for (int i = 0; i < supervisor->slot_count; i++)
        if (supervisor->slots[i].pid == 0)
            wait = earlier(wait, clock_left_ms(supervisor->slots[i].next_start_ms));
    return wait;
}

/* Calls the poll hook and pauses; a signal ends the pause. */
static void poll_hooks(const struct pool_hooks *hooks, struct pollfd *signals)
{
    hooks->poll(hooks->context);
    ppoll(signals, 1, &(struct timespec){.tv_nsec = hooks->pause_us * 1000L}, NULL);
}

static void supervise(struct supervisor *supervisor)
{
    const struct pool_hooks *hooks = supervisor->pool->hooks;
    struct pollfd fds[] = {{.fd = supervisor->signal_fd, .events = POLLIN},
                           {.fd = hooks ? hooks->fd : -1, .events = POLLIN}};
    while (!supervisor->stopping || running_workers(supervisor) > 0) {
        start_due_workers(supervisor);
        poll(fds, COUNT_OF(fds), wait_ms(supervisor));
        if (fds[0].revents)
            handle_signals(supervisor);
        if (hooks)
            poll_hooks(hooks, &fds[0]);
        if (supervisor->stopping && clock_left_ms(supervisor->kill_at_ms) == 0)
            signal_workers(supervisor, SIGKILL);
    }
}

static bool open_metrics(const struct pool *pool)
{
    const char *patterns[METRICS_ROUTES_MAX];
    const struct route_table *table = &pool->groups->service->routes;
    for (size_t i = 0; i < table->count && i < METRICS_ROUTES_MAX; i++)
        patterns[i] = table->routes[i].pattern;
    return metrics_open(pool->config, pool->groups->service->name, patterns, table->count);
}

/* Prepares everything that the workers need. The sockets come last: when they exist, the
 * rest, such as the journal, exists too. */
static bool start(struct supervisor *supervisor)
{
    const struct pool *pool = supervisor->pool;
    struct pool_hooks *hooks = pool->hooks;
    return lock_acquire(pool->config, pool->name) &&
           migrate(pool->config->database_url, pool->groups->service->role) &&
           privilege_drop(pool->config->user) && open_metrics(pool) && block_signals(supervisor) &&
           (!hooks || hooks->start(hooks->context)) && open_sockets(supervisor) && make_slots(supervisor);
}

int pool_run(const struct pool *pool)
{
    struct supervisor supervisor = {.pool = pool};
    if (!start(&supervisor)) {
        log_write(LOG_ERROR, "start_failed", "program=%s", pool->name);
        return EXIT_FAILURE;
    }
    log_write(LOG_INFO, "started", "program=%s", pool->name);
    supervise(&supervisor);
    if (pool->hooks)
        pool->hooks->stop(pool->hooks->context);
    free(supervisor.slots);
    log_write(LOG_INFO, "stopped", "program=%s", pool->name);
    return EXIT_SUCCESS;
}
