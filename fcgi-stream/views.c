#include "views.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "log.h"

enum { SIZE = 65536, LAYOUT_VERSION = 1 };

struct ring {
    char magic[8];
    uint32_t layout_version, view_size;
    char id[PARAM_UUID_SIZE];
    _Atomic uint64_t written, counted;
    struct view views[SIZE];
};

struct views {
    struct ring *ring;
};

static const char magic[8] = "vsviews";

static bool is_ours(const struct ring *ring)
{
    return memcmp(ring->magic, magic, sizeof magic) == 0 && ring->layout_version == LAYOUT_VERSION &&
           ring->view_size == sizeof(struct view);
}

static struct ring *map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return NULL;
    void *memory = MAP_FAILED;
    errno = posix_fallocate(fd, 0, sizeof(struct ring));
    if (errno == 0)
        memory = mmap(NULL, sizeof(struct ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

static struct ring *map_current(const char *path)
{
    struct ring *ring = map(path);
    if (ring && ring->magic[0] != '\0' && !is_ours(ring)) {
        munmap(ring, sizeof *ring);
        ring = unlink(path) == 0 ? map(path) : NULL;
    }
    if (ring && ring->magic[0] == '\0') {
        uuid_t id;
        uuid_generate_random(id);
        uuid_unparse_lower(id, ring->id);
        ring->layout_version = LAYOUT_VERSION;
        ring->view_size = sizeof(struct view);
        memcpy(ring->magic, magic, sizeof magic);
    }
    return ring;
}

struct views *views_open(const struct config *config)
{
    char path[256];
    struct views *views = calloc(1, sizeof *views);
    if (views && config_run_path(config, "views", path, sizeof path))
        views->ring = map_current(path);
    if (views && views->ring)
        return views;
    log_write(LOG_ERROR, "views_failed", "reason=\"%s\"", strerror(errno));
    free(views);
    return NULL;
}

void views_close(struct views *views)
{
    munmap(views->ring, sizeof *views->ring);
    free(views);
}

const char *views_id(const struct views *views)
{
    return views->ring->id;
}

bool views_add(struct views *views, const struct view *view)
{
    struct ring *ring = views->ring;
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    if (written - atomic_load_explicit(&ring->counted, memory_order_acquire) >= SIZE)
        return false;
    ring->views[written % SIZE] = *view;
    atomic_store_explicit(&ring->written, written + 1, memory_order_release);
    return true;
}

size_t views_peek(const struct views *views, struct view *out, size_t max, uint64_t *position)
{
    const struct ring *ring = views->ring;
    uint64_t counted = atomic_load_explicit(&ring->counted, memory_order_relaxed);
    uint64_t there = atomic_load_explicit(&ring->written, memory_order_acquire) - counted;
    size_t count = there < max ? (size_t)there : max;
    *position = counted;
    for (size_t i = 0; i < count; i++)
        out[i] = ring->views[(counted + i) % SIZE];
    return count;
}

void views_counted(struct views *views, uint64_t position)
{
    struct ring *ring = views->ring;
    if (position > atomic_load_explicit(&ring->counted, memory_order_relaxed) &&
        position <= atomic_load_explicit(&ring->written, memory_order_acquire))
        atomic_store_explicit(&ring->counted, position, memory_order_release);
}
