#include "lib/http/body.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

enum { DEPTH_MAX = 8, MESSAGE_SIZE = 160 };

PRINTF_LIKE(2, 3)
static const char *message(struct arena *arena, const char *format, ...)
{
    char *text = arena_alloc(arena, MESSAGE_SIZE);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    return text;
}

/* True for what JSON does not allow outside of strings: NaN, Infinity, a number that ends
 * with its decimal point. */
static bool is_lax(char c, bool digit_follows)
{
    return c == 'N' || c == 'I' || (c == '.' && !digit_follows);
}

/* True when the body has something that json-c accepts and RFC 8259 forbids: in numbers
 * (section 6), or a raw control character in a string (section 7). */
static bool has_lax_json(const char *body, size_t length)
{
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)body[i];
        if (c < 0x20 && (in_string || (c != '\t' && c != '\n' && c != '\r')))
            return true;
        if (!in_string && is_lax(body[i], i + 1 < length && body[i + 1] >= '0' && body[i + 1] <= '9'))
            return true;
        if (c == '"')
            in_string = !in_string;
        else if (c == '\\' && in_string)
            i++;
    }
    return false;
}

static void put_object(void *object)
{
    json_object_put(object);
}

/* Parses the body as a JSON object. Returns NULL with *error set when it isn't one. */
static struct json_object *parse_object(struct arena *arena, const char *body, size_t length,
                                        const char **error)
{
    struct json_object *object = NULL;
    if (length == 0) {
        *error = "the body is empty";
        return NULL;
    }
    if (!text_is_utf8(body, length)) {
        *error = "the body is not UTF-8";
        return NULL;
    }
    struct json_tokener *tokener = has_lax_json(body, length) ? NULL : json_tokener_new_ex(DEPTH_MAX);
    if (tokener) {
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        object = json_tokener_parse_ex(tokener, body, (int)length);
        json_tokener_free(tokener);
    }
    if (object)
        arena_defer(arena, put_object, object);
    if (json_object_is_type(object, json_type_object))
        return object;
    *error = object ? "the body is not a JSON object" : "the body is not valid JSON";
    return NULL;
}

static const char *parse_id(struct arena *arena, struct json_object *member, const struct field *field,
                            struct field_value *value)
{
    if (!json_object_is_type(member, json_type_int))
        return message(arena, "%s is not an integer", field->name);
    /* json-c returns numbers above 2^63-1 as unsigned, and clamps those above 2^64-1. */
    uint64_t number = json_object_get_uint64(member);
    if (number < 1 || number > INT64_MAX)
        return message(arena, "%s is not an integer from 1 to 2^63-1", field->name);
    value->id = (int64_t)number;
    return NULL;
}

static const char *check_characters(struct arena *arena, const struct field *field, struct field_value *value)
{
    bool lines = field->kind == FIELD_TEXT;
    const char *trimmed = value->text;
    size_t trimmed_length = value->length;
    text_trim(&trimmed, &trimmed_length);
    if (trimmed_length == 0 && field->min > 0)
        return message(arena, "%s is empty", field->name);
    if (!lines) {
        value->text = arena_copy(arena, trimmed, trimmed_length);
        value->length = trimmed_length;
    }
    if (text_has_control(value->text, value->length, lines))
        return message(arena, "%s contains a control character", field->name);
    size_t characters = text_characters(value->text, value->length);
    if (characters > field->max)
        return message(arena, "%s is longer than %zu characters", field->name, field->max);
    return NULL;
}

static const char *parse_text(struct arena *arena, struct json_object *member, const struct field *field,
                              struct field_value *value)
{
    if (!json_object_is_type(member, json_type_string))
        return message(arena, "%s is not a string", field->name);
    value->text = json_object_get_string(member);
    value->length = (size_t)json_object_get_string_len(member);
    if (field->kind != FIELD_SECRET)
        return check_characters(arena, field, value);
    if (value->length < field->min)
        return message(arena, "%s is shorter than %zu bytes", field->name, field->min);
    if (value->length > field->max)
        return message(arena, "%s is longer than %zu bytes", field->name, field->max);
    return NULL;
}

const char *body_parse(struct arena *arena, const char *body, size_t length, const struct field *fields,
                       size_t count, struct field_value *values)
{
    const char *error = NULL;
    struct json_object *object = parse_object(arena, body, length, &error);
    for (size_t i = 0; object && !error && i < count; i++) {
        struct json_object *member = NULL;
        values[i] = (struct field_value){0};
        json_object_object_get_ex(object, fields[i].name, &member);
        if (!member) {
            if (fields[i].required)
                error = message(arena, "%s is missing", fields[i].name);
            continue;
        }
        values[i].present = true;
        error = fields[i].kind == FIELD_ID ? parse_id(arena, member, &fields[i], &values[i])
                                           : parse_text(arena, member, &fields[i], &values[i]);
    }
    return error;
}
