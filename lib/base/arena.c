#include "lib/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"

enum { BLOCK_SIZE = 16 * 1024 };

struct block {
    struct block *next;
    size_t used, capacity;
    alignas(max_align_t) unsigned char bytes[];
};

struct hook {
    struct hook *next;
    void (*cleanup)(void *);
    void *object;
};

struct arena {
    struct block *blocks; /* newest first; the oldest survives a reset */
    struct hook *hooks;   /* newest first */
};

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory) {
        log_write(LOG_ERROR, "out_of_memory", "bytes=%zu", size);
        abort();
    }
    return memory;
}

static void block_push(struct arena *arena, size_t capacity)
{
    struct block *block = allocate(sizeof *block + capacity);
    *block = (struct block){.next = arena->blocks, .capacity = capacity};
    arena->blocks = block;
}

struct arena *arena_create(void)
{
    struct arena *arena = allocate(sizeof *arena);
    *arena = (struct arena){0};
    block_push(arena, BLOCK_SIZE);
    return arena;
}

void arena_reset(struct arena *arena)
{
    while (arena->hooks) {
        struct hook *hook = arena->hooks;
        arena->hooks = hook->next; /* arena memory: nothing to free */
        hook->cleanup(hook->object);
    }
    while (arena->blocks->next) {
        struct block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena->blocks->used = 0;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    arena_reset(arena);
    free(arena->blocks);
    free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t alignment = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        abort();
    size = (size + alignment - 1) / alignment * alignment;
    if (size > arena->blocks->capacity - arena->blocks->used)
        block_push(arena, size > BLOCK_SIZE ? size : BLOCK_SIZE);
    void *memory = arena->blocks->bytes + arena->blocks->used;
    arena->blocks->used += size;
    return memory;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void arena_defer(struct arena *arena, void (*cleanup)(void *), void *object)
{
    struct hook *hook = arena_alloc(arena, sizeof *hook);
    *hook = (struct hook){.next = arena->hooks, .cleanup = cleanup, .object = object};
    arena->hooks = hook;
}
