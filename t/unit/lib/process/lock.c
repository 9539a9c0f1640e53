#include "lib/process/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

static struct config config = {.user = "nobody"};

/* Whether another process acquires the lock. The caller captures its log. */
static bool other_process_acquires(const char *name)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(lock_acquire(&config, name) ? 0 : 1);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_acquire(void)
{
    struct stat folder;
    ok(lock_acquire(&config, "program"), "the lock is acquired");
    ok(stat(config.run_dir, &folder) == 0 && S_ISDIR(folder.st_mode), "the run folder is created");
}

static void test_second_instance(void)
{
    ok(other_process_acquires("another"), "another process acquires another lock");
    ok(other_process_acquires("another"), "a lock is released when its process ends");
    ok(lock_acquire(&config, "program2"), "a process can hold two locks");
    capture_begin(STDERR_FILENO);
    bool acquired = other_process_acquires("program");
    const char *log = capture_end();
    ok(!acquired, "a second instance fails to acquire the lock");
    ok(strstr(log, "reason=\"another instance is running\""), "a second instance logs the reason");
}

/* Must be the last test: closing the file releases the POSIX lock. */
static void test_pid(void)
{
    char pid[32] = "";
    int fd = open(scratch_path("run/program.pid"), O_RDONLY);
    ok(fd >= 0 && read(fd, pid, sizeof pid - 1) > 0, "the pid file can be read");
    close(fd);
    is_int(strtol(pid, NULL, 10), getpid(), "the pid file has the process id");
}

static void test_faults(void)
{
    const struct config nowhere = {.run_dir = "/nowhere/at/all", .user = "nobody"};
    close(scratch_file("target", "", 0));
    ok(symlink(scratch_path("target"), scratch_path("run/link.pid")) == 0,
       "a symbolic link replaces the pid file");
    capture_begin(STDERR_FILENO);
    bool in_link = lock_acquire(&config, "link"), in_nowhere = lock_acquire(&nowhere, "program");
    const char *log = capture_end();
    ok(!in_link && strstr(log, "event=lock_failed"), "a symbolic link is not followed");
    ok(!in_nowhere && strstr(log, "event=mkdir_failed path=/nowhere/at/all"),
       "a run folder that cannot be created is logged");
}

int main(void)
{
    config.run_dir = scratch_path("run");
    test_acquire();
    test_second_instance();
    test_faults();
    test_pid();
    return done_testing();
}
