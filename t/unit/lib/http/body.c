#include "lib/http/body.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "t/unit/bytes.h"
#include "t/unit/tap.h"

enum { LINE, TEXT, SECRET, ID, FIELDS };

static const struct field fields[FIELDS] = {
    [LINE] = {"line", FIELD_LINE, .required = true, .min = 1, .max = 5},
    [TEXT] = {"text", FIELD_TEXT, .max = 10},
    [SECRET] = {"secret", FIELD_SECRET, .min = 3, .max = 6},
    [ID] = {"id", FIELD_ID},
};

static struct arena *arena;
static struct field_value values[FIELDS];

/* The error message for a body; NULL when it is valid. The texts live until the next
 * call. */
static const char *parse(const char *body, size_t length)
{
    arena_reset(arena);
    memset(values, 0xff, sizeof values);
    return body_parse(arena, bytes_exact(body, length), length, fields, FIELDS, values);
}

static const char *parse_text(const char *body)
{
    return parse(body, strlen(body));
}

static void test_valid(void)
{
    is_text(parse_text("{\"line\":\" ab \",\"text\":\" x\\n\",\"secret\":\" s \",\"id\":7,\"more\":[1]}"),
            NULL, "a body with all fields is valid");
    is_text(values[LINE].text, "ab", "a line is trimmed");
    is_int(values[LINE].length, 2, "the length of a line is that of the trimmed text");
    is_text(values[TEXT].text, " x\n", "a text is not trimmed");
    is_text(values[SECRET].text, " s ", "a secret is not trimmed");
    is_int(values[ID].id, 7, "an id is parsed");
    ok(values[LINE].present && values[TEXT].present && values[SECRET].present && values[ID].present,
       "all fields are present");

    is_text(parse_text("{\"line\":\"a\",\"text\":null}"), NULL, "an optional field may be missing or null");
    ok(!values[TEXT].present && !values[SECRET].present && !values[ID].present,
       "missing and null fields are absent");
    is_text(parse_text(" \t\r\n{ \"line\" : \"a\" } \n"), NULL, "white space around the object is accepted");
    is_text(parse_text("{\"line\":\"a\",\"text\":\"\"}"), NULL, "a text without a minimum may be empty");
    is_text(parse_text("{\"line\":\"first\",\"id\":1,\"line\":\"last\",\"id\":2}"), NULL,
            "duplicate members are accepted");
    is_text(values[LINE].text, "last", "the last of two lines counts");
    is_int(values[ID].id, 2, "the last of two ids counts");
    is_text(parse_text("{\"line\":\"\\u00fc\\ud83c\\udfac\\\"\\\\\"}"), NULL,
            "escape sequences are accepted");
    is_text(values[LINE].text, "\xc3\xbc\xf0\x9f\x8e\xac\"\\", "escape sequences are decoded");
}

static void test_bounds(void)
{
    is_text(parse_text("{\"line\":\"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\"}"), NULL,
            "the maximum of a line is in characters");
    is_text(parse_text("{\"line\":\"abcdef\"}"), "line is longer than 5 characters",
            "a line with one character too many is rejected");
    is_text(parse_text("{\"line\":\"  abcde  \"}"), NULL,
            "leading and trailing blanks of a line do not count");
    is_text(parse_text("{\"line\":\"\"}"), "line is empty", "an empty line is rejected");
    is_text(parse_text("{\"line\":\" \\u00a0\\t \"}"), "line is empty", "a blank line is rejected");
    is_text(parse_text("{\"line\":\"a\",\"text\":\"12345678901\"}"), "text is longer than 10 characters",
            "a text that is too long is rejected");
    is_text(parse_text("{\"line\":\"a\",\"secret\":\"ab\"}"), "secret is shorter than 3 bytes",
            "a secret that is too short is rejected");
    is_text(parse_text("{\"line\":\"a\",\"secret\":\"\xc3\xbc\xc3\xbc\xc3\xbc\"}"), NULL,
            "the maximum of a secret is in bytes");
    is_text(parse_text("{\"line\":\"a\",\"secret\":\"\xc3\xbc\xc3\xbc\xc3\xbc!\"}"),
            "secret is longer than 6 bytes", "a secret that is too long is rejected");
}

static void test_fields(void)
{
    static const struct {
        const char *body, *error;
    } rows[] = {
        {"{}", "line is missing"},
        {"{\"line\":null}", "line is missing"},
        {"{\"Line\":\"a\"}", "line is missing"},
        {"{\"line\":1}", "line is not a string"},
        {"{\"line\":true}", "line is not a string"},
        {"{\"line\":[\"a\"]}", "line is not a string"},
        {"{\"line\":{\"line\":\"a\"}}", "line is not a string"},
        {"{\"line\":\"a\\u0000b\"}", "line contains a control character"},
        {"{\"line\":\"a\\nb\"}", "line contains a control character"},
        {"{\"line\":\"a\\u007fb\"}", "line contains a control character"},
        {"{\"line\":\"a\\u0085b\"}", "line contains a control character"},
        {"{\"line\":\"a\",\"text\":\"a\\u0000b\"}", "text contains a control character"},
        {"{\"line\":\"a\",\"text\":\"a\\u001bb\"}", "text contains a control character"},
        {"{\"line\":\"a\",\"secret\":1}", "secret is not a string"},
        {"{\"line\":\"a\",\"line\":null}", "line is missing"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_text(parse_text(rows[i].body), rows[i].error, "%s", rows[i].body);
    is_text(parse_text("{\"line\":\"a\",\"text\":\"a\\r\\n\\tb\"}"), NULL,
            "a text may contain line ends and tabs");
    is_text(parse_text("{\"line\":\"a\",\"secret\":\"a\\u0000bc\"}"), NULL, "a secret may contain a NUL");
    is_int(values[SECRET].length, 4, "the NUL counts in the length of a secret");
}

static void test_ids(void)
{
    static const struct {
        const char *number, *error;
        int64_t id;
    } rows[] = {
        {"1", NULL, 1},
        {"9223372036854775807", NULL, INT64_MAX},
        {"0", "id is not an integer from 1 to 2^63-1", 0},
        {"-0", "id is not an integer from 1 to 2^63-1", 0},
        {"-1", "id is not an integer from 1 to 2^63-1", 0},
        {"9223372036854775808", "id is not an integer from 1 to 2^63-1", 0},
        {"18446744073709551615", "id is not an integer from 1 to 2^63-1", 0},
        {"18446744073709551616", "id is not an integer from 1 to 2^63-1", 0},
        {"18446744073709551617", "id is not an integer from 1 to 2^63-1", 0},
        {"1180591620717411303424", "id is not an integer from 1 to 2^63-1", 0},
        {"-9223372036854775809", "id is not an integer from 1 to 2^63-1", 0},
        {"-1180591620717411303424", "id is not an integer from 1 to 2^63-1", 0},
        {"1.0", "id is not an integer", 0},
        {"1e3", "id is not an integer", 0},
        {"1E3", "id is not an integer", 0},
        {"\"1\"", "id is not an integer", 0},
        {"true", "id is not an integer", 0},
        {"[1]", "id is not an integer", 0},
        {"{}", "id is not an integer", 0},
    };
    char body[80];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(body, sizeof body, "{\"line\":\"a\",\"id\":%s}", rows[i].number);
        is_text(parse_text(body), rows[i].error, "the id %s is accepted or rejected", rows[i].number);
        if (!rows[i].error)
            is_int(values[ID].id, rows[i].id, "the id has that value");
    }
}

static void test_not_json(void)
{
    static const char *const bodies[] = {
        "{",
        "}",
        "{\"line\":\"a\"",
        "{\"line\":\"a\"}x",
        "{\"line\":\"a\"}{}",
        "{\"line\":\"a\"},",
        "{\"line\":\"a\",}",
        "{line:\"a\"}",
        "{'line':'a'}",
        "{\"line\":'a'}",
        "{\"line\":\"a}",
        "{\"line\":\"a\\\"}",
        "{\"line\" \"a\"}",
        "{\"line\":\"a\" \"id\":1}",
        "{\"line\":\"\\x41\"}",
        "{\"line\":\"\\u12\"}",
        "{\"line\":\"a\",\"id\":01}",
        "{\"line\":\"a\",\"id\":+1}",
        "{\"line\":\"a\",\"id\":1.}",
        "{\"line\":\"a\",\"id\":.5}",
        "{\"line\":\"a\",\"id\":0x1}",
        "{\"line\":\"a\",\"id\":-}",
        "{\"line\":\"a\",\"x\":NaN}",
        "{\"line\":\"a\",\"x\":Infinity}",
        "{\"line\":\"a\",\"x\":-Infinity}",
        "{\"line\":\"a\",\"x\":TRUE}",
        "{\"line\":\"a\",\"x\":nul}",
        "{\"line\":\"a\"} // comment",
        "{/* comment */\"line\":\"a\"}",
        "{\"line\":\"a\nb\"}",
        "{\"line\":\"a\tb\"}",
        "{\"line\":\"a\x01\"}",
        "{\"line\n\":\"a\"}",
        "{\"line\":\"\\\"\x1f\"}",
        "{\"line\":\"a\"}\x01",
        "{\"line\":\"a\"}\f",
        "\xef\xbb\xbf{\"line\":\"a\"}",
        "line=a",
        "\"",
        "\\",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        is_text(parse_text(bodies[i]), "the body is not valid JSON", "%s", bodies[i]);
    is_text(parse(BYTES("{\"line\":\"a\0b\"}")), "the body is not valid JSON",
            "a NUL in a string is rejected");
    is_text(parse(BYTES("{\"line\":\"a\"}\0")), "the body is not valid JSON",
            "a NUL after the object is rejected");
    is_text(parse(BYTES("{\"line\":\"a\"\0}")), "the body is not valid JSON",
            "a NUL between members is rejected");
}

static void test_not_an_object(void)
{
    static const char *const bodies[] = {"[]", "[{\"line\":\"a\"}]", "\"line\""};
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        is_text(parse_text(bodies[i]), "the body is not a JSON object", "%s", bodies[i]);
    is_text(parse_text(""), "the body is empty", "an empty body is rejected");
    ok(parse_text(" ") != NULL, "a blank body is rejected");
    ok(parse_text("null") != NULL, "null is rejected");
    ok(parse_text("1") != NULL, "a number is rejected");
    ok(parse_text("true") != NULL, "true is rejected");
}

static void test_utf8(void)
{
    static const char *const bodies[] = {
        "{\"line\":\"\xff\"}",
        "{\"line\":\"\xc0\xaf\"}",
        "{\"line\":\"\xe0\x80\xaf\"}",
        "{\"line\":\"\xed\xa0\x80\"}",
        "{\"line\":\"\xf4\x90\x80\x80\"}",
        "{\"line\":\"\xc3\"}",
        "{\"line\":\"a\"}\xc3",
        "{\"\xfe\":\"a\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        is_text(parse_text(bodies[i]), "the body is not UTF-8", "malformed UTF-8 is rejected: row %zu", i);
}

/* A lone surrogate is not a character: it is rejected or replaced, but never passed
 * on. */
static void test_lone_surrogates(void)
{
    static const char *const escapes[] = {
        "\\ud800", "\\udfff", "\\ud800x", "\\ud800\\u0041", "\\udc00\\ud800", "\\ud800\\n",
    };
    char body[80];
    for (size_t i = 0; i < COUNT_OF(escapes); i++) {
        snprintf(body, sizeof body, "{\"line\":\"a\",\"secret\":\"12%s\"}", escapes[i]);
        const char *error = parse_text(body);
        ok(error || text_is_utf8(values[SECRET].text, values[SECRET].length),
           "%s is rejected or becomes valid UTF-8", escapes[i]);
    }
}

static void test_size(void)
{
    char deep[3000], body[70000];
    size_t half = 1000;
    memset(deep, '[', half);
    memset(deep + half, ']', half);
    snprintf(body, sizeof body, "{\"line\":\"a\",\"x\":%.2000s}", deep);
    is_text(parse_text(body), "the body is not valid JSON", "arrays nested a thousand deep are rejected");
    is_text(parse_text("{\"line\":\"a\",\"x\":[[[[[1]]]]]}"), NULL, "arrays nested a few deep are accepted");
    is_text(parse_text("{\"line\":\"N.I.\",\"x\":[1.5,-0.0,1e-3]}"), NULL, "unknown members are ignored");
    snprintf(body, sizeof body, "{\"line\":\"%s\"}", bytes_repeat('x', 65000));
    is_text(parse_text(body), "line is longer than 5 characters", "a line of 65,000 characters is rejected");
    snprintf(body, sizeof body, "{\"line\":\"a\",\"id\":%s}", bytes_repeat('9', 65000));
    is_text(parse_text(body), "id is not an integer from 1 to 2^63-1",
            "a number of 65,000 digits is rejected");
    snprintf(body, sizeof body, "{\"%s\":1,\"line\":\"a\"}", bytes_repeat('x', 65000));
    is_text(parse_text(body), NULL, "a member name of 65,000 characters is accepted");
}

int main(void)
{
    arena = arena_create();
    test_valid();
    test_bounds();
    test_fields();
    test_ids();
    test_not_json();
    test_not_an_object();
    test_utf8();
    test_lone_surrogates();
    test_size();
    arena_destroy(arena);
    return done_testing();
}
