/* Writes JSON (RFC 8259) into a buffer: it places the commas and escapes the text.
 *
 * Text must be valid UTF-8, as all text from the database is. Errors are the buffer's
 * sticky error. */
#ifndef LIB_BASE_JSON_H
#define LIB_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buffer.h"

/* Initialise with {.out = &buffer}. */
struct json {
    struct buffer *out;
    bool comma; /* the next value needs a comma before it */
};

void json_object(struct json *json);
void json_object_end(struct json *json);
void json_array(struct json *json);
void json_array_end(struct json *json);

/* Writes a member's name; its object or array must follow. The name is not escaped. */
void json_name(struct json *json, const char *name);

/* Each of these writes a whole member: a name and a value. */
void json_text(struct json *json, const char *name, const char *text);
void json_number(struct json *json, const char *name, int64_t number);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

/* Writes seconds since 1970 as a text in RFC 3339, UTC. */
void json_time(struct json *json, const char *name, int64_t unix_seconds);

#endif
