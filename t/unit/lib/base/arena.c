#include "lib/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "t/unit/tap.h"

static char hooks_run[16];

static void record_hook(void *object)
{
    strcat(hooks_run, object);
}

static void test_alignment(void)
{
    struct arena *arena = arena_create();
    bool aligned = true;
    for (size_t size = 0; size < 200; size++) {
        void *memory = arena_alloc(arena, size);
        aligned = aligned && (uintptr_t)memory % alignof(max_align_t) == 0;
        memset(memory, 0xff, size);
    }
    ok(aligned, "memory of every size is aligned for any type");
    arena_destroy(arena);
}

static void test_blocks(void)
{
    static const size_t sizes[] = {1, 16 * 1024, 16 * 1024 + 1, 40 * 1024, 1, 1024 * 1024, 15 * 1024, 2};
    unsigned char *allocations[COUNT_OF(sizes)];
    struct arena *arena = arena_create();
    bool untouched = true;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            allocations[i] = arena_alloc(arena, sizes[i]);
            memset(allocations[i], (int)i, sizes[i]);
        }
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            for (size_t at = 0; at < sizes[i]; at++)
                untouched = untouched && allocations[i][at] == i;
        arena_reset(arena);
    }
    ok(untouched, "allocations of all sizes do not overlap, before and after a reset");
    void *first = arena_alloc(arena, 8);
    arena_reset(arena);
    ok(arena_alloc(arena, 8) == first, "a reset keeps the first block and reuses it");
    arena_destroy(arena);
}

static void test_copy(void)
{
    struct arena *arena = arena_create();
    char original[] = "copied";
    char *copy = arena_copy(arena, original, 4);
    original[0] = 'x';
    is_text(copy, "copi", "a copy has the given length and ends in a NUL");
    is_text(arena_copy(arena, "", 0), "", "a copy of zero bytes is an empty text");
    arena_destroy(arena);
}

static void test_hooks(void)
{
    struct arena *arena = arena_create();
    arena_defer(arena, record_hook, "a");
    arena_defer(arena, record_hook, "b");
    arena_alloc(arena, 100000);
    arena_defer(arena, record_hook, "c");
    is_text(hooks_run, "", "cleanup hooks do not run before a reset");
    arena_reset(arena);
    is_text(hooks_run, "cba", "a reset runs the hooks, newest first");
    arena_reset(arena);
    is_text(hooks_run, "cba", "the next reset does not run a hook again");
    arena_defer(arena, record_hook, "d");
    arena_destroy(arena);
    is_text(hooks_run, "cbad", "destroying the arena runs its hooks");
    arena_destroy(NULL);
    ok(true, "destroying NULL does nothing");
}

int main(void)
{
    test_alignment();
    test_blocks();
    test_copy();
    test_hooks();
    return done_testing();
}
