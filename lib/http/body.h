/* A request's JSON body, read against a table of the fields that a handler knows.
 *
 * The body is one JSON object in UTF-8; members that the table doesn't name are ignored, of two with one
 * name the last counts, null is the same as absent. What comes out is valid: right type, within bounds,
 * no NUL and no control character. */
#ifndef LIB_HTTP_BODY_H
#define LIB_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/compiler.h"

enum field_kind {
    FIELD_LINE,   /* text of one line, white space at its ends cut off; bounds in characters */
    FIELD_TEXT,   /* text of several lines, not blank if min > 0; bounds in characters */
    FIELD_SECRET, /* any characters at all; bounds in bytes */
    FIELD_ID,     /* a number from 1 to 2^63-1 */
};

struct field {
    const char *name;
    enum field_kind kind;
    bool required;
    size_t min, max;
};

/* What a field's member was. The text has a NUL behind it and lives as long as the arena. */
struct field_value {
    bool present;
    const char *text;
    size_t length;
    int64_t id;
};

/* Reads the body into values, one for each of the count fields. Returns NULL when all are valid, else what
 * is wrong, for the client, and values are not to be used. */
WARN_UNUSED const char *body_parse(struct arena *arena, const char *body, size_t length,
                                   const struct field *fields, size_t count, struct field_value *values);

#endif
