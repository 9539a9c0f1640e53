/* Memory with the lifetime of one request.
 *
 * arena_reset frees everything that was allocated from the arena. Cleanup hooks release
 * other resources (a PGresult, a file descriptor) at the same time, so an early return
 * cannot leak. An arena belongs to one thread. No function here fails: when memory runs
 * out, the process logs it and aborts, and the supervisor of its pool starts a new
 * worker. */
#ifndef LIB_BASE_ARENA_H
#define LIB_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_create(void);

/* Resets the arena and frees it. NULL is allowed. */
void arena_destroy(struct arena *arena);

/* Runs the cleanup hooks, newest first, and frees all memory except the first block,
 * which is reused. */
void arena_reset(struct arena *arena);

/* Returns size bytes, uninitialised and aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* Returns a NUL-terminated copy of length bytes. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

/* Registers a hook: cleanup(object) is called when the arena is reset or destroyed. */
void arena_defer(struct arena *arena, void (*cleanup)(void *), void *object);

#endif
