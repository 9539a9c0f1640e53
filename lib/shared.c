#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 256 };

static bool find_path(const struct config *config, const char *name, char path[PATH_SIZE])
{
    errno = ENAMETOOLONG;
    return config_run_path(config, name, path, PATH_SIZE);
}

static void *map(int fd, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void close_quietly(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
}

static bool has_head(const struct shared_head *found, const struct shared_head *head)
{
    return memcmp(found->magic, head->magic, sizeof head->magic) == 0 &&
           found->layout_version == head->layout_version && found->item_size == head->item_size;
}

static void *make(const char *path, size_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return NULL;
    /* Memory is taken now: later a full tmpfs would mean SIGBUS. */
    errno = posix_fallocate(fd, 0, (off_t)size);
    void *memory = errno == 0 ? map(fd, size) : NULL;
    close_quietly(fd);
    return memory;
}

void *shared_open(const struct config *config, const char *name, const struct shared_head *head, size_t size)
{
    char path[PATH_SIZE];
    struct shared_head *found = find_path(config, name, path) ? make(path, size) : NULL;
    if (found && found->magic[0] != '\0' && !has_head(found, head)) {
        munmap(found, size);
        found = unlink(path) == 0 ? make(path, size) : NULL;
    }
    if (found && found->magic[0] == '\0') {
        found->layout_version = head->layout_version;
        found->item_size = head->item_size;
        memcpy(found->magic, head->magic, sizeof head->magic);
    }
    return found;
}

static void *map_whole(int fd, const struct shared_head *head, size_t size)
{
    struct stat file;
    if (fstat(fd, &file) != 0)
        return NULL;
    errno = EPROTO;
    struct shared_head *found = file.st_size == (off_t)size ? map(fd, size) : NULL;
    if (found && !has_head(found, head)) {
        munmap(found, size);
        errno = EPROTO;
        return NULL;
    }
    return found;
}

void *shared_attach(const struct config *config, const char *name, const struct shared_head *head,
                    size_t size)
{
    char path[PATH_SIZE];
    int fd = find_path(config, name, path) ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0)
        return NULL;
    void *memory = map_whole(fd, head, size);
    close_quietly(fd);
    return memory;
}

void shared_close(void *memory, size_t size)
{
    munmap(memory, size);
}
