#include "lib/base/json.h"

#include <string.h>

#include "lib/http/body.h"
#include "t/unit/tap.h"

static struct buffer out;

/* The JSON written so far, NUL-terminated. */
static const char *written(void)
{
    buffer_char(&out, '\0');
    out.length--;
    return out.data;
}

/* Starts a new document. */
static struct json begin(void)
{
    buffer_reset(&out);
    return (struct json){.out = &out};
}

/* Parses the written JSON object and sets *member to its member t. Returns the parser's
 * error, or NULL. */
static const char *parse(struct arena *arena, struct field_value *member)
{
    static const struct field field = {"t", FIELD_SECRET, .max = SIZE_MAX};
    return body_parse(arena, out.data, out.length, &field, 1, member);
}

static void test_structure(void)
{
    struct json json = begin();
    json_object(&json);
    json_number(&json, "id", 3);
    json_name(&json, "list");
    json_array(&json);
    for (int i = 0; i < 2; i++) {
        json_object(&json);
        json_bool(&json, "first", i == 0);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_name(&json, "none");
    json_array(&json);
    json_array_end(&json);
    json_name(&json, "empty");
    json_object(&json);
    json_object_end(&json);
    json_null(&json, "url");
    json_object_end(&json);
    is_text(written(),
            "{\"id\":3,\"list\":[{\"first\":true},{\"first\":false}],\"none\":[],\"empty\":{},\"url\":null}",
            "commas separate members and elements, and nothing else");

    json = begin();
    json_array(&json);
    json_array_end(&json);
    is_text(written(), "[]", "an empty array can be the whole document");
}

static void test_numbers(void)
{
    static const struct {
        int64_t number;
        const char *text;
    } numbers[] = {
        {0, "{\"n\":0}"},
        {7, "{\"n\":7}"},
        {-1, "{\"n\":-1}"},
        {1000, "{\"n\":1000}"},
        {INT64_MAX, "{\"n\":9223372036854775807}"},
        {INT64_MIN, "{\"n\":-9223372036854775808}"},
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct json json = begin();
        json_object(&json);
        json_number(&json, "n", numbers[i].number);
        json_object_end(&json);
        is_text(written(), numbers[i].text, "the number %lld is written in decimal",
                (long long)numbers[i].number);
    }
}

static void write_text(const char *text)
{
    struct json json = begin();
    json_object(&json);
    json_text(&json, "t", text);
    json_object_end(&json);
}

static void test_escapes(void)
{
    static const struct {
        const char *text, *json;
    } texts[] = {
        {"", "{\"t\":\"\"}"},
        {"plain", "{\"t\":\"plain\"}"},
        {"\"", "{\"t\":\"\\\"\"}"},
        {"a\\b", "{\"t\":\"a\\\\b\"}"},
        {"\n\r\t", "{\"t\":\"\\n\\r\\t\"}"},
        {"\x01\x1f\b", "{\"t\":\"\\u0001\\u001f\\u0008\"}"},
        {"\x7f", "{\"t\":\"\\u007f\"}"},
        {"</script>", "{\"t\":\"</script>\"}"},
        {"\xc3\xbc\xf0\x9f\x8e\xac", "{\"t\":\"\xc3\xbc\xf0\x9f\x8e\xac\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        write_text(texts[i].text);
        is_text(written(), texts[i].json, "text is escaped as %s", texts[i].json);
    }
}

/* A strict parser restores every character below U+0800, escaped or not. */
static void test_round_trip(void)
{
    char text[2 * 0x800 + 1], *end = text;
    for (int c = 1; c < 0x800; c++) {
        if (c >= 0x80)
            *end++ = (char)(0xc0 | c >> 6);
        *end++ = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
    }
    *end = '\0';
    struct arena *arena = arena_create();
    struct field_value member;
    write_text(text);
    is_text(parse(arena, &member), NULL, "a text of all characters below U+0800 can be parsed");
    is_text(member.text, text, "parsing restores the text");
    arena_destroy(arena);
}

static void test_time(void)
{
    struct json json = begin();
    json_object(&json);
    json_time(&json, "at", 1795485984);
    json_object_end(&json);
    is_text(written(), "{\"at\":\"2026-11-24T02:06:24Z\"}", "a time is written as RFC 3339");
}

static void test_error(void)
{
    struct json json = begin();
    json_object(&json);
    out.failed = true;
    json_text(&json, "t", "text");
    json_number(&json, "n", 1);
    json_object_end(&json);
    ok(out.failed, "the buffer's error is sticky");
    is_int(out.length, 1, "nothing is written after an error");
}

int main(void)
{
    test_structure();
    test_numbers();
    test_escapes();
    test_round_trip();
    test_time();
    test_error();
    buffer_free(&out);
    return done_testing();
}
