#include "lib/base/json.h"

#include <string.h>

#include "lib/base/clock.h"

static void write_comma(struct json *json)
{
    if (json->comma)
        buffer_char(json->out, ',');
    json->comma = true;
}

static void container_begin(struct json *json, char bracket)
{
    write_comma(json);
    buffer_char(json->out, bracket);
    json->comma = false;
}

static void container_end(struct json *json, char bracket)
{
    buffer_char(json->out, bracket);
    json->comma = true;
}

void json_object(struct json *json)
{
    container_begin(json, '{');
}

void json_object_end(struct json *json)
{
    container_end(json, '}');
}

void json_array(struct json *json)
{
    container_begin(json, '[');
}

void json_array_end(struct json *json)
{
    container_end(json, ']');
}

void json_name(struct json *json, const char *name)
{
    write_comma(json);
    buffer_char(json->out, '"');
    buffer_text(json->out, name);
    buffer_append(json->out, "\":", 2);
    json->comma = false;
}

static void write_escape(struct buffer *out, unsigned char c)
{
    switch (c) {
    case '"': buffer_append(out, "\\\"", 2); break;
    case '\\': buffer_append(out, "\\\\", 2); break;
    case '\n': buffer_append(out, "\\n", 2); break;
    case '\r': buffer_append(out, "\\r", 2); break;
    case '\t': buffer_append(out, "\\t", 2); break;
    default: buffer_printf(out, "\\u%04x", c);
    }
}

void json_text(struct json *json, const char *name, const char *text)
{
    json_name(json, name);
    buffer_char(json->out, '"');
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\' &&
               text[plain] != 0x7f)
            plain++;
        buffer_append(json->out, text, plain);
        text += plain;
        if (*text)
            write_escape(json->out, (unsigned char)*text++);
    }
    buffer_char(json->out, '"');
    json->comma = true;
}

static void write_literal(struct json *json, const char *name, const char *value)
{
    json_name(json, name);
    buffer_text(json->out, value);
    json->comma = true;
}

void json_number(struct json *json, const char *name, int64_t number)
{
    char digits[24];
    char *first = digits + sizeof digits - 1;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    *first = '\0';
    do
        *--first = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--first = '-';
    write_literal(json, name, first);
}

void json_bool(struct json *json, const char *name, bool value)
{
    write_literal(json, name, value ? "true" : "false");
}

void json_null(struct json *json, const char *name)
{
    write_literal(json, name, "null");
}

void json_time(struct json *json, const char *name, int64_t unix_seconds)
{
    char text[CLOCK_RFC3339_SIZE];
    json_text(json, name, clock_rfc3339(unix_seconds, text));
}
