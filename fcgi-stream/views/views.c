#include "fcgi-stream/views/views.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "lib/base/log.h"
#include "lib/base/shared_memory.h"

enum { SIZE = 65536, LAYOUT_VERSION = 1 };

struct ring {
    struct shared_memory_head head;
    char id[PARAM_UUID_SIZE];
    _Atomic uint64_t written, counted;
    struct view views[SIZE];
};

struct views {
    struct ring *ring;
    struct shared_memory shared;
};

static const struct shared_memory_head head = {"vsviews", LAYOUT_VERSION, sizeof(struct view)};
static const struct shared_memory_layout layout = {"views", &head, sizeof head, sizeof(struct ring),
                                                   sizeof(struct ring)};

static void generate_id(struct ring *ring)
{
    uuid_t id;
    uuid_generate_random(id);
    uuid_unparse_lower(id, ring->id);
}

struct views *views_open(const struct config *config)
{
    struct views *views = calloc(1, sizeof *views);
    if (views && shared_memory_open(&views->shared, config, &layout)) {
        views->ring = views->shared.memory;
        if (views->ring->id[0] == '\0')
            generate_id(views->ring);
        return views;
    }
    log_write(LOG_ERROR, "views_failed", "reason=\"%s\"", strerror(errno));
    free(views);
    return NULL;
}

void views_close(struct views *views)
{
    shared_memory_close(&views->shared);
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
    uint64_t available = atomic_load_explicit(&ring->written, memory_order_acquire) - counted;
    size_t count = available < max ? (size_t)available : max;
    *position = counted;
    for (size_t i = 0; i < count; i++)
        out[i] = ring->views[(counted + i) % SIZE];
    return count;
}

void views_mark_counted(struct views *views, uint64_t position)
{
    struct ring *ring = views->ring;
    if (position > atomic_load_explicit(&ring->counted, memory_order_relaxed) &&
        position <= atomic_load_explicit(&ring->written, memory_order_acquire))
        atomic_store_explicit(&ring->counted, position, memory_order_release);
}
