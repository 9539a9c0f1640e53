/* A growing byte buffer with a sticky error.
 *
 * After an allocation has failed, every further write does nothing: write freely and
 * check `failed` once, at the end. A zeroed struct is an empty buffer. The content is not
 * NUL-terminated. */
#ifndef LIB_BASE_BUFFER_H
#define LIB_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

struct buffer {
    char *data;
    size_t length, capacity;
    bool failed;
};

/* Empties the buffer and clears its error. Keeps up to 64 KiB of memory for the next
 * use. */
void buffer_reset(struct buffer *buffer);

/* Frees the memory. The buffer is empty afterwards and can be used again. */
void buffer_free(struct buffer *buffer);

/* Each of these appends: bytes, a text without its NUL, one character, formatted text. */
void buffer_append(struct buffer *buffer, const char *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_char(struct buffer *buffer, char c);
PRINTF_LIKE(2, 3) void buffer_printf(struct buffer *buffer, const char *format, ...);

/* Appends length uninitialised bytes and returns a pointer to them for the caller to
 * fill. The pointer is valid until the next write. Returns NULL after a failure. */
char *buffer_extend(struct buffer *buffer, size_t length);

#endif
