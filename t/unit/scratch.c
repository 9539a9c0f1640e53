#include "t/unit/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATHS_MAX = 64 };

static char dir[256];
static pid_t owner;
static char *paths[PATHS_MAX];

/* Exits when an operation has failed that the test depends on. */
static void require(bool succeeded, const char *what)
{
    if (succeeded)
        return;
    perror(what);
    exit(2);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

static void clean_up(void)
{
    if (getpid() == owner)
        nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < PATHS_MAX; i++)
        free(paths[i]);
}

const char *scratch_dir(void)
{
    if (!dir[0]) {
        const char *parent = getenv("TMPDIR");
        snprintf(dir, sizeof dir, "%s/video-server-unit-XXXXXX", parent && parent[0] ? parent : "/tmp");
        require(mkdtemp(dir) != NULL, "mkdtemp");
        owner = getpid();
        atexit(clean_up);
    }
    return dir;
}

const char *scratch_path(const char *name)
{
    char path[512];
    size_t at = 0;
    snprintf(path, sizeof path, "%s/%s", scratch_dir(), name);
    while (at < PATHS_MAX && paths[at] && strcmp(paths[at], path) != 0)
        at++;
    require(at < PATHS_MAX, "scratch_path");
    if (!paths[at])
        paths[at] = strdup(path);
    require(paths[at] != NULL, "strdup");
    return paths[at];
}

int scratch_file(const char *name, const void *bytes, size_t length)
{
    int fd = open(scratch_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd >= 0, "open");
    require(write(fd, bytes, length) == (ssize_t)length, "write");
    require(lseek(fd, 0, SEEK_SET) == 0, "lseek");
    return fd;
}
