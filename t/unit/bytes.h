/* Bytes to feed to a parser. */
#ifndef T_UNIT_BYTES_H
#define T_UNIT_BYTES_H

#include <stddef.h>

/* A string literal and its length, two arguments; NULs in it count. */
#define BYTES(literal) literal, sizeof(literal) - 1

/* A copy with no byte to spare and no NUL behind it, so that AddressSanitizer notices who reads on. It lives
 * until the next call. */
char *bytes_exact(const char *bytes, size_t length);

/* A text of count times c. It lives until the next call. */
const char *bytes_repeat(char c, size_t count);

#endif
