/* Cursors: opaque, signed positions in a list, which clients can store but not forge.
 *
 * A cursor is the time and key of the last row of a page, authenticated with HMAC-SHA-256
 * (RFC 2104, truncated to 128 bits) and encoded in base64url. The MAC also covers the
 * list's path and filter, so a cursor is valid for its own list only. Nothing here
 * allocates or logs. */
#ifndef LIB_HTTP_CURSOR_H
#define LIB_HTTP_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"

enum {
    CURSOR_KEY_SIZE = 37,   /* an id or a UUID as text, including the NUL */
    CURSOR_TEXT_SIZE = 104, /* the longest cursor, including the NUL */
};

/* What the cursors of a list are bound to. */
struct cursor_list {
    const unsigned char *secret; /* SECRET_SIZE bytes */
    const char *path;            /* of the list */
    const char *filter;          /* search_filter_name; "": none */
};

/* Writes the cursor that follows the row (time_us, key). time_us is in microseconds since
 * 1970, up to the year 9999. */
void cursor_write(const struct cursor_list *list, int64_t time_us, const char *key,
                  char text[CURSOR_TEXT_SIZE]);

/* Parses a cursor. Returns false when cursor_write did not create it for this list. */
WARN_UNUSED bool cursor_parse(const struct cursor_list *list, const char *text, size_t length,
                              int64_t *time_us, char key[CURSOR_KEY_SIZE]);

#endif
