/* Parses a JSON request body against a table of the fields that a handler expects.
 *
 * The body is one JSON object in UTF-8. Members that the table doesn't list are ignored,
 * the last of several members with the same name counts, and null means absent. Parsed
 * values are valid: they have the right type, are within their bounds, and a line or text
 * contains no control character, except that a text may contain tabs and line ends.
 * All memory is the arena's. */
#ifndef LIB_HTTP_BODY_H
#define LIB_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/compiler.h"

enum field_kind {
    FIELD_LINE,   /* one line of text, trimmed; max is in characters */
    FIELD_TEXT,   /* several lines of text, not trimmed; max is in characters */
    FIELD_SECRET, /* any characters; min and max are in bytes */
    FIELD_ID,     /* an integer from 1 to 2^63-1 */
};

struct field {
    const char *name;
    enum field_kind kind;
    bool required;
    size_t min, max; /* of a line or text, min > 0 means that it must not be blank */
};

/* The value of one field. The text is NUL-terminated and lives as long as the arena. */
struct field_value {
    bool present;
    const char *text;
    size_t length;
    int64_t id;
};

/* Parses the body into values[count], one for each field. Returns NULL when all are
 * valid. Otherwise returns a message for the client, and values must not be used. */
WARN_UNUSED const char *body_parse(struct arena *arena, const char *body, size_t length,
                                   const struct field *fields, size_t count, struct field_value *values);

#endif
