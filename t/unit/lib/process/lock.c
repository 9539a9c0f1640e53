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

/* Whether another process gets the lock; what it logs is kept for capture_end. */
static bool other_takes(const char *name)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(lock_acquire(&config, name) ? 0 : 1);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_taken(void)
{
    struct stat folder;
    ok(lock_acquire(&config, "program"), "the lock is taken");
    ok(stat(config.run_dir, &folder) == 0 && S_ISDIR(folder.st_mode), "the run folder is made");
}

static void test_second(void)
{
    ok(other_takes("another"), "another lock");
    ok(other_takes("another"), "which goes with its process, can be taken again");
    ok(lock_acquire(&config, "program2"), "a second lock of this process");
    capture_begin(STDERR_FILENO);
    bool taken = other_takes("program");
    const char *log = capture_end();
    ok(!taken, "what is locked can't be locked by another process");
    ok(strstr(log, "reason=\"the program runs already\""), "which is logged");
}

/* The last test: closing the file here gives the lock back, as POSIX has it. */
static void test_pid(void)
{
    char pid[32] = "";
    int fd = open(scratch_path("run/program.pid"), O_RDONLY);
    ok(fd >= 0 && read(fd, pid, sizeof pid - 1) > 0, "the file can be read");
    close(fd);
    is_int(strtol(pid, NULL, 10), getpid(), "the process's id is in it");
}

static void test_faults(void)
{
    const struct config nowhere = {.run_dir = "/nowhere/at/all", .user = "nobody"};
    close(scratch_file("target", "", 0));
    ok(symlink(scratch_path("target"), scratch_path("run/link.pid")) == 0, "a link in place of the file");
    capture_begin(STDERR_FILENO);
    bool in_link = lock_acquire(&config, "link"), in_nowhere = lock_acquire(&nowhere, "program");
    const char *log = capture_end();
    ok(!in_link && strstr(log, "event=lock_failed"), "isn't followed");
    ok(!in_nowhere && strstr(log, "event=mkdir_failed path=/nowhere/at/all"), "a folder that can't be made");
}

int main(void)
{
    config.run_dir = scratch_path("run");
    test_taken();
    test_second();
    test_faults();
    test_pid();
    return done_testing();
}
