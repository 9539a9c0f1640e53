#include "fcgi-stream/tokens/process_start.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/tap.h"

/* A child that has taken on that name and waits to be killed. */
static pid_t start_child(const char *name)
{
    int ready[2];
    char byte = 0;
    if (pipe(ready) != 0)
        exit(2);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, name);
        close(ready[0]);
        close(ready[1]);
        for (;;)
            pause();
    }
    close(ready[1]);
    while (read(ready[0], &byte, 1) > 0)
        continue;
    close(ready[0]);
    return pid;
}

/* Ends it; it stays a zombie. */
static void kill_child(pid_t pid)
{
    siginfo_t info;
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

int main(void)
{
    uint64_t own = process_start(getpid());
    ok(own > 0, "this process has started");
    ok(process_start(getpid()) == own, "which doesn't change");
    ok(process_start(1) > 0 && process_start(1) <= own, "the first process started before");

    pid_t pid = start_child(") Z 1 (2) x");
    uint64_t start = process_start(pid);
    ok(start >= own, "a child started later, whatever its name");
    ok(process_start(pid) == start, "which doesn't change");
    kill_child(pid);
    is_int((long long)process_start(pid), 0, "a zombie is dead");
    waitpid(pid, NULL, 0);
    is_int((long long)process_start(pid), 0, "and what is gone too");
    is_int((long long)process_start(0), 0, "there is no process 0");
    is_int((long long)process_start(-1), 0, "nor -1");
    return done_testing();
}
