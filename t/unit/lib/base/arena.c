#include "lib/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "t/unit/tap.h"

static char order[16];

static void note(void *object)
{
    strcat(order, object);
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
    ok(aligned, "whatever its size, memory is aligned for any type");
    arena_destroy(arena);
}

static void test_blocks(void)
{
    static const size_t sizes[] = {1, 16 * 1024, 16 * 1024 + 1, 40 * 1024, 1, 1024 * 1024, 15 * 1024, 2};
    unsigned char *pieces[COUNT_OF(sizes)];
    struct arena *arena = arena_create();
    bool untouched = true;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            pieces[i] = arena_alloc(arena, sizes[i]);
            memset(pieces[i], (int)i, sizes[i]);
        }
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            for (size_t at = 0; at < sizes[i]; at++)
                untouched = untouched && pieces[i][at] == i;
        arena_reset(arena);
    }
    ok(untouched, "pieces of all sizes lie apart, before and after a reset");
    void *first = arena_alloc(arena, 8);
    arena_reset(arena);
    ok(arena_alloc(arena, 8) == first, "a reset keeps the first block for the next use");
    arena_destroy(arena);
}

static void test_copy(void)
{
    struct arena *arena = arena_create();
    char original[] = "copied";
    char *copy = arena_copy(arena, original, 4);
    original[0] = 'x';
    is_text(copy, "copi", "a copy is as long as it should be and ends in a NUL");
    is_text(arena_copy(arena, "", 0), "", "a copy of nothing");
    arena_destroy(arena);
}

static void test_hooks(void)
{
    struct arena *arena = arena_create();
    arena_defer(arena, note, "a");
    arena_defer(arena, note, "b");
    arena_alloc(arena, 100000);
    arena_defer(arena, note, "c");
    is_text(order, "", "no hook runs before the reset");
    arena_reset(arena);
    is_text(order, "cba", "a reset runs them, newest first");
    arena_reset(arena);
    is_text(order, "cba", "once");
    arena_defer(arena, note, "d");
    arena_destroy(arena);
    is_text(order, "cbad", "so does the end of the arena");
    arena_destroy(NULL);
    ok(true, "there may be no arena to destroy");
}

int main(void)
{
    test_alignment();
    test_blocks();
    test_copy();
    test_hooks();
    return done_testing();
}
