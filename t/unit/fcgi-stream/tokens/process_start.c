#include "fcgi-stream/tokens/process_start.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/tap.h"

/* Starts a child of that name, which waits to be killed. */
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

/* Kills the child and leaves it a zombie. */
static void kill_child(pid_t pid)
{
    siginfo_t info;
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

int main(void)
{
    uint64_t own = process_start(getpid());
    ok(own > 0, "this process has a start time");
    ok(process_start(getpid()) == own, "the start time of this process does not change");
    ok(process_start(1) > 0 && process_start(1) <= own, "process 1 started before this one");

    pid_t pid = start_child(") Z 1 (2) x");
    uint64_t start = process_start(pid);
    ok(start >= own, "a child started later, whatever its name");
    ok(process_start(pid) == start, "the start time of a child does not change");
    kill_child(pid);
    is_int((long long)process_start(pid), 0, "a zombie has no start time");
    waitpid(pid, NULL, 0);
    is_int((long long)process_start(pid), 0, "a process that was reaped has no start time");
    is_int((long long)process_start(0), 0, "pid 0 has no start time");
    is_int((long long)process_start(-1), 0, "pid -1 has no start time");
    return done_testing();
}
