/* JSON out: a writer that puts the commas, and text as RFC 8259 wants it.
 *
 * Text must be valid UTF-8; the database holds no other. Errors are those of the buffer, sticky. */
#ifndef LIB_BASE_JSON_H
#define LIB_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buffer.h"

struct json {
    struct buffer *out;
    bool comma; /* one is needed before the next value */
};

void json_object(struct json *json);
void json_object_end(struct json *json);
void json_array(struct json *json);
void json_array_end(struct json *json);

/* The name of the member whose value or container comes next. It is written as it stands. */
void json_name(struct json *json, const char *name);

void json_text(struct json *json, const char *name, const char *text);
void json_number(struct json *json, const char *name, int64_t number);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

/* Seconds since 1970 as RFC 3339 in UTC. */
void json_time(struct json *json, const char *name, int64_t unix_seconds);

#endif
