/* Test inputs for parsers. */
#ifndef T_UNIT_BYTES_H
#define T_UNIT_BYTES_H

#include <stddef.h>

/* Two arguments: a string literal and its length, which includes NULs inside the
 * literal. */
#define BYTES(literal) literal, sizeof(literal) - 1

/* Returns a copy of exactly length bytes without a NUL, so that AddressSanitizer detects
 * a read beyond the end. It is valid until the next call. */
char *bytes_exact(const char *bytes, size_t length);

/* Returns a text that repeats c count times. It is valid until the next call. */
const char *bytes_repeat(char c, size_t count);

#endif
