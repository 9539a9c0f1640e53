/* Where a page of a list begins, as text that a client may keep but can't make.
 *
 * It is the moment and the key of the row before the page, and an HMAC (RFC 2104, SHA-256, of which 128 bits are
 * kept) of the two and the list's name, all in base64url. So the cursor of one list is none in another. */
#ifndef LIB_HTTP_CURSOR_H
#define LIB_HTTP_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"

enum {
    CURSOR_KEY_SIZE = 37,   /* an id or a UUID as text, with a NUL */
    CURSOR_TEXT_SIZE = 104, /* the longest cursor, with a NUL */
};

/* What a list's cursors are bound to. */
struct cursor_list {
    const unsigned char *secret; /* SECRET_SIZE bytes */
    const char *path, *filter;   /* what names the list, and what it leaves out */
};

/* Writes the cursor behind the row (time_us, key); time_us is in microseconds since 1970, up to the year 9999. */
void cursor_write(const struct cursor_list *list, int64_t time_us, const char *key,
                  char text[CURSOR_TEXT_SIZE]);

/* Reads a cursor. False when it is not one that cursor_write made for that list. */
WARN_UNUSED bool cursor_parse(const struct cursor_list *list, const char *text, size_t length,
                              int64_t *time_us, char key[CURSOR_KEY_SIZE]);

#endif
