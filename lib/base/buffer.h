/* Bytes that grow as they are written.
 *
 * The error is sticky: after a failed allocation every further call does nothing, so write freely and look
 * at failed once, at the end. A buffer of zeros is ready for use; buffer_free gives its memory back. */
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

/* Empties the buffer and clears its error; memory of more than 64 KiB is given back. */
void buffer_reset(struct buffer *buffer);
void buffer_free(struct buffer *buffer);

void buffer_append(struct buffer *buffer, const char *bytes, size_t length);

/* Makes the buffer longer by length bytes, to be written to the place that it returns; NULL after a failure. */
char *buffer_extend(struct buffer *buffer, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_char(struct buffer *buffer, char c);
PRINTF_LIKE(2, 3) void buffer_printf(struct buffer *buffer, const char *format, ...);

#endif
