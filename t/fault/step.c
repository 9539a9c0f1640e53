/* The tests' implementation of step_reached, and system calls that fail on demand.
 *
 * The folder FAULT_DIR holds the faults. A file named after a step contains "kill N": the
 * Nth process that reaches the step is killed, once; or "wait N": the Nth process and all
 * later ones create NAME.reached and wait there until the file is gone. A file named
 * unlink, fsync or syncfs contains the errno that the call returns and, optionally, a
 * part of the paths that it applies to, or with ! before it does not apply to. A file
 * realloc contains the same, with the size in bytes in place of the path. */
#include "scheduler/runner/step.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 512, TEXT_SIZE = 128, WAIT_MS = 10 };

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool path_of(const char *name, const char *suffix, char path[PATH_SIZE])
{
    const char *folder = getenv("FAULT_DIR");
    if (!folder || !*folder)
        return false;
    snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, suffix);
    return true;
}

/* Reads the fault of that name. Returns false when there is none. */
static bool read_fault(const char *name, char text[TEXT_SIZE])
{
    char path[PATH_SIZE];
    int fd = path_of(name, "", path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, TEXT_SIZE - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* Counts and returns how often processes have reached the step since the test set it; the
 * count is the size of a file. */
static long count(const char *name)
{
    char path[PATH_SIZE];
    struct stat counted = {.st_size = 0};
    int fd = path_of(name, ".count", path) ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || write(fd, "x", 1) != 1 || fstat(fd, &counted) != 0)
        perror("count");
    close(fd);
    return (long)counted.st_size;
}

static void wait_here(const char *name)
{
    char reached[PATH_SIZE], text[TEXT_SIZE];
    if (path_of(name, ".reached", reached))
        close(open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    while (read_fault(name, text))
        poll(NULL, 0, WAIT_MS);
}

void step_reached(const char *name)
{
    char text[TEXT_SIZE], path[PATH_SIZE];
    if (!read_fault(name, text))
        return;
    if (strncmp(text, "wait ", 5) == 0 && count(name) >= strtol(text + 5, NULL, 10))
        wait_here(name);
    else if (strncmp(text, "kill ", 5) == 0 && count(name) >= strtol(text + 5, NULL, 10) &&
             path_of(name, "", path) && __real_unlink(path) == 0)
        kill(getpid(), SIGKILL);
}

static bool fails(const char *name, const char *path)
{
    char text[TEXT_SIZE], *rest;
    if (!read_fault(name, text))
        return false;
    int error = (int)strtol(text, &rest, 10);
    rest += strspn(rest, " ");
    bool applies = *rest == '!' ? !strstr(path, rest + 1) : strstr(path, rest) != NULL;
    if (!applies)
        return false;
    errno = error;
    return true;
}

int __wrap_unlink(const char *path)
{
    return fails("unlink", path) ? -1 : __real_unlink(path);
}

/* As fails, for the path of an open file. */
static bool fails_at(const char *name, int fd)
{
    char link[64], path[PATH_SIZE];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return fails(name, path);
}

/* Only fcgi-stream has the step, because the scheduler calls fsync, too. */
int __wrap_fsync(int fd)
{
    int result = fails_at("fsync", fd) ? -1 : __real_fsync(fd), saved = errno;
    if (strcmp(program_invocation_short_name, "fcgi-stream") == 0)
        step_reached("after_fsync");
    errno = saved;
    return result;
}

int __wrap_syncfs(int fd)
{
    return fails_at("syncfs", fd) ? -1 : __real_syncfs(fd);
}

void *__wrap_realloc(void *memory, size_t size)
{
    char bytes[24];
    snprintf(bytes, sizeof bytes, "%zu", size);
    return fails("realloc", bytes) ? NULL : __real_realloc(memory, size);
}
