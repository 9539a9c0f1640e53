/* Memory that lives as long as one request.
 *
 * Everything taken from an arena is given back at once by arena_reset, and foreign objects (a PGresult, a
 * json_object) go with it through a cleanup hook, so no early return can leak. An arena belongs to one
 * thread. No function here fails: when memory runs out the process logs it and aborts, and the pool's
 * supervisor starts another. */
#ifndef LIB_BASE_ARENA_H
#define LIB_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *arena);

/* Runs the cleanup hooks, newest first, and takes all memory back. Keeps a first block for the next use. */
void arena_reset(struct arena *arena);

/* size bytes, not initialised, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of length bytes with a NUL behind it. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

/* Calls cleanup(object) when the arena is reset or destroyed. */
void arena_defer(struct arena *arena, void (*cleanup)(void *), void *object);

#endif
