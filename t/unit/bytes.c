#include "t/unit/bytes.h"

#include <stdlib.h>
#include <string.h>

static void *reallocate(void **memory, size_t size)
{
    free(*memory);
    *memory = malloc(size);
    if (!*memory)
        abort();
    return *memory;
}

char *bytes_exact(const char *bytes, size_t length)
{
    static void *copy;
    return memcpy(reallocate(&copy, length), bytes, length);
}

const char *bytes_repeat(char c, size_t count)
{
    static void *memory;
    char *text = memset(reallocate(&memory, count + 1), c, count);
    text[count] = '\0';
    return text;
}
