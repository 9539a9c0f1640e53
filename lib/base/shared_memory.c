#include "lib/base/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"

enum { PATH_SIZE = 256 };

static bool file_path(const struct config *config, const char *name, char path[PATH_SIZE])
{
    errno = ENAMETOOLONG;
    return config_run_path(config, name, path, PATH_SIZE);
}

static bool map(struct shared_memory *shared, int protection)
{
    void *memory = mmap(NULL, shared->size, protection, MAP_SHARED, shared->fd, 0);
    shared->memory = memory == MAP_FAILED ? NULL : memory;
    return shared->memory != NULL;
}

/* Maps an open file if its size and header are those of the layout. */
static bool map_existing(struct shared_memory *shared, const struct shared_memory_layout *layout)
{
    struct stat file;
    if (fstat(shared->fd, &file) != 0)
        return false;
    errno = EPROTO;
    /* Check the size before mapping: access beyond the end of the file raises SIGBUS. */
    if (file.st_size != (off_t)layout->size ||
        !map(shared, layout->read_only ? PROT_READ : PROT_READ | PROT_WRITE))
        return false;
    errno = EPROTO;
    return memcmp(shared->memory, layout->head, layout->head_size) == 0;
}

static bool attach(struct shared_memory *shared, const char *path, const struct shared_memory_layout *layout)
{
    int access = layout->read_only ? O_RDONLY : O_RDWR;
    *shared = (struct shared_memory){.size = layout->size, .fd = open(path, access | O_CLOEXEC | O_NOFOLLOW)};
    if (shared->fd >= 0 && map_existing(shared, layout))
        return true;
    shared_memory_close(shared);
    return false;
}

static bool initialise(const struct shared_memory *shared, const struct shared_memory_layout *layout)
{
    return ftruncate(shared->fd, (off_t)layout->size) == 0 &&
           shared_memory_reserve(shared, 0, layout->reserved) &&
           pwrite(shared->fd, layout->head, layout->head_size, 0) == (ssize_t)layout->head_size;
}

/* Renames the file into place once it is complete, so no process can attach to half of
 * one. */
static bool create(struct shared_memory *shared, const char *path, const struct shared_memory_layout *layout)
{
    char new_path[PATH_SIZE + 4];
    snprintf(new_path, sizeof new_path, "%s.new", path);
    unlink(new_path);
    *shared = (struct shared_memory){
        .size = layout->size,
        .fd = open(new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, layout->group_reads ? 0640 : 0600)};
    if (shared->fd < 0)
        return false;
    if (initialise(shared, layout) && map(shared, PROT_READ | PROT_WRITE) && rename(new_path, path) == 0)
        return true;
    int error = errno;
    unlink(new_path);
    shared_memory_close(shared);
    errno = error;
    return false;
}

bool shared_memory_open(struct shared_memory *shared, const struct config *config,
                        const struct shared_memory_layout *layout)
{
    char path[PATH_SIZE];
    *shared = (struct shared_memory){.fd = -1};
    if (!file_path(config, layout->name, path))
        return false;
    if (attach(shared, path, layout))
        return true;
    if (errno != ENOENT && errno != EPROTO)
        return false;
    if (errno == EPROTO)
        log_write(LOG_WARNING, "shared_memory_replaced", "name=%s reason=\"the file had another layout\"",
                  layout->name);
    if (create(shared, path, layout))
        return true;
    /* There may be no room for both: the old file is of no use. */
    return errno == ENOSPC && unlink(path) == 0 && create(shared, path, layout);
}

bool shared_memory_attach(struct shared_memory *shared, const struct config *config,
                          const struct shared_memory_layout *layout)
{
    char path[PATH_SIZE];
    *shared = (struct shared_memory){.fd = -1};
    return file_path(config, layout->name, path) && attach(shared, path, layout);
}

bool shared_memory_reserve(const struct shared_memory *shared, size_t offset, size_t length)
{
    errno = posix_fallocate(shared->fd, (off_t)offset, (off_t)length);
    return errno == 0;
}

void shared_memory_close(struct shared_memory *shared)
{
    int error = errno;
    if (shared->memory)
        munmap(shared->memory, shared->size);
    if (shared->fd >= 0)
        close(shared->fd);
    *shared = (struct shared_memory){.fd = -1};
    errno = error;
}
