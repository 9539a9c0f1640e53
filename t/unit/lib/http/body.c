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

/* What is wrong with the body, NULL when it is good. The texts live until the next call. */
static const char *read_body(const char *body, size_t length)
{
    arena_reset(arena);
    memset(values, 0xff, sizeof values);
    return body_parse(arena, bytes_exact(body, length), length, fields, FIELDS, values);
}

static const char *read_text(const char *body)
{
    return read_body(body, strlen(body));
}

static void test_good(void)
{
    is_text(read_text("{\"line\":\" ab \",\"text\":\" x\\n\",\"secret\":\" s \",\"id\":7,\"more\":[1]}"),
            NULL, "a good body");
    is_text(values[LINE].text, "ab", "a line is trimmed");
    is_int(values[LINE].length, 2, "its length too");
    is_text(values[TEXT].text, " x\n", "a text isn't");
    is_text(values[SECRET].text, " s ", "nor a secret");
    is_int(values[ID].id, 7, "an id");
    ok(values[LINE].present && values[TEXT].present && values[SECRET].present && values[ID].present,
       "all are there");

    is_text(read_text("{\"line\":\"a\",\"text\":null}"), NULL, "what isn't required may be missing or null");
    ok(!values[TEXT].present && !values[SECRET].present && !values[ID].present, "which shows");
    is_text(read_text(" \t\r\n{ \"line\" : \"a\" } \n"), NULL, "blanks around it");
    is_text(read_text("{\"line\":\"a\",\"text\":\"\"}"), NULL, "a text that may be empty");
    is_text(read_text("{\"line\":\"first\",\"id\":1,\"line\":\"last\",\"id\":2}"), NULL, "members twice");
    is_text(values[LINE].text, "last", "the last one counts");
    is_int(values[ID].id, 2, "for ids too");
    is_text(read_text("{\"line\":\"\\u00fc\\ud83c\\udfac\\\"\\\\\"}"), NULL, "escapes");
    is_text(values[LINE].text, "\xc3\xbc\xf0\x9f\x8e\xac\"\\", "are resolved");
}

static void test_bounds(void)
{
    is_text(read_text("{\"line\":\"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\"}"), NULL,
            "bounds are of characters");
    is_text(read_text("{\"line\":\"abcdef\"}"), "line is longer than 5 characters", "a character too many");
    is_text(read_text("{\"line\":\"  abcde  \"}"), NULL, "blanks at the ends don't count");
    is_text(read_text("{\"line\":\"\"}"), "line is empty", "an empty line");
    is_text(read_text("{\"line\":\" \\u00a0\\t \"}"), "line is empty", "a blank line");
    is_text(read_text("{\"line\":\"a\",\"text\":\"12345678901\"}"), "text is longer than 10 characters",
            "a text too long");
    is_text(read_text("{\"line\":\"a\",\"secret\":\"ab\"}"), "secret is shorter than 3 bytes",
            "a secret too short");
    is_text(read_text("{\"line\":\"a\",\"secret\":\"\xc3\xbc\xc3\xbc\xc3\xbc\"}"), NULL,
            "its bounds are of bytes");
    is_text(read_text("{\"line\":\"a\",\"secret\":\"\xc3\xbc\xc3\xbc\xc3\xbc!\"}"),
            "secret is longer than 6 bytes", "a secret too long");
}

static void test_fields(void)
{
    static const struct {
        const char *body, *why;
    } rows[] = {
        {"{}", "line is missing"},
        {"{\"line\":null}", "line is missing"},
        {"{\"Line\":\"a\"}", "line is missing"},
        {"{\"line\":1}", "line is not a string"},
        {"{\"line\":true}", "line is not a string"},
        {"{\"line\":[\"a\"]}", "line is not a string"},
        {"{\"line\":{\"line\":\"a\"}}", "line is not a string"},
        {"{\"line\":\"a\\u0000b\"}", "line has a control character"},
        {"{\"line\":\"a\\nb\"}", "line has a control character"},
        {"{\"line\":\"a\\u007fb\"}", "line has a control character"},
        {"{\"line\":\"a\\u0085b\"}", "line has a control character"},
        {"{\"line\":\"a\",\"text\":\"a\\u0000b\"}", "text has a control character"},
        {"{\"line\":\"a\",\"text\":\"a\\u001bb\"}", "text has a control character"},
        {"{\"line\":\"a\",\"secret\":1}", "secret is not a string"},
        {"{\"line\":\"a\",\"line\":null}", "line is missing"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_text(read_text(rows[i].body), rows[i].why, "%s", rows[i].body);
    is_text(read_text("{\"line\":\"a\",\"text\":\"a\\r\\n\\tb\"}"), NULL, "a text has lines");
    is_text(read_text("{\"line\":\"a\",\"secret\":\"a\\u0000bc\"}"), NULL, "a secret has any characters");
    is_int(values[SECRET].length, 4, "all of which count");
}

static void test_ids(void)
{
    static const struct {
        const char *number, *why;
        int64_t id;
    } rows[] = {
        {"1", NULL, 1},
        {"9223372036854775807", NULL, INT64_MAX},
        {"0", "id is not an id", 0},
        {"-0", "id is not an id", 0},
        {"-1", "id is not an id", 0},
        {"9223372036854775808", "id is not an id", 0},
        {"18446744073709551615", "id is not an id", 0},
        {"18446744073709551616", "id is not an id", 0},
        {"18446744073709551617", "id is not an id", 0},
        {"1180591620717411303424", "id is not an id", 0},
        {"-9223372036854775809", "id is not an id", 0},
        {"-1180591620717411303424", "id is not an id", 0},
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
        is_text(read_text(body), rows[i].why, "id %s", rows[i].number);
        if (!rows[i].why)
            is_int(values[ID].id, rows[i].id, "is that id");
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
        is_text(read_text(bodies[i]), "the body is not valid JSON", "%s", bodies[i]);
    is_text(read_body(BYTES("{\"line\":\"a\0b\"}")), "the body is not valid JSON", "a NUL in a string");
    is_text(read_body(BYTES("{\"line\":\"a\"}\0")), "the body is not valid JSON", "a NUL behind the body");
    is_text(read_body(BYTES("{\"line\":\"a\"\0}")), "the body is not valid JSON", "a NUL between members");
}

static void test_not_an_object(void)
{
    static const char *const bodies[] = {"[]", "[{\"line\":\"a\"}]", "\"line\""};
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        is_text(read_text(bodies[i]), "the body is not a JSON object", "%s", bodies[i]);
    is_text(read_text(""), "the body is empty", "nothing");
    ok(read_text(" ") != NULL, "nothing but a blank");
    ok(read_text("null") != NULL, "null");
    ok(read_text("1") != NULL, "a number");
    ok(read_text("true") != NULL, "true");
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
        is_text(read_text(bodies[i]), "the body is not UTF-8", "malformed UTF-8: row %zu", i);
}

/* Half of a surrogate pair is no character: it is refused or replaced, but never handed on. */
static void test_lone_surrogates(void)
{
    static const char *const escapes[] = {
        "\\ud800", "\\udfff", "\\ud800x", "\\ud800\\u0041", "\\udc00\\ud800", "\\ud800\\n",
    };
    char body[80];
    for (size_t i = 0; i < COUNT_OF(escapes); i++) {
        snprintf(body, sizeof body, "{\"line\":\"a\",\"secret\":\"12%s\"}", escapes[i]);
        const char *why = read_text(body);
        ok(why || text_is_utf8(values[SECRET].text, values[SECRET].length), "%s", escapes[i]);
    }
}

static void test_size(void)
{
    char deep[3000], body[70000];
    size_t half = 1000;
    memset(deep, '[', half);
    memset(deep + half, ']', half);
    snprintf(body, sizeof body, "{\"line\":\"a\",\"x\":%.2000s}", deep);
    is_text(read_text(body), "the body is not valid JSON", "arrays a thousand deep");
    is_text(read_text("{\"line\":\"a\",\"x\":[[[[[1]]]]]}"), NULL, "arrays a few deep");
    is_text(read_text("{\"line\":\"N.I.\",\"x\":[1.5,-0.0,1e-3]}"), NULL, "other members are ignored");
    snprintf(body, sizeof body, "{\"line\":\"%s\"}", bytes_repeat('x', 65000));
    is_text(read_text(body), "line is longer than 5 characters", "a huge line");
    snprintf(body, sizeof body, "{\"line\":\"a\",\"id\":%s}", bytes_repeat('9', 65000));
    is_text(read_text(body), "id is not an id", "a number of 65,000 digits");
    snprintf(body, sizeof body, "{\"%s\":1,\"line\":\"a\"}", bytes_repeat('x', 65000));
    is_text(read_text(body), NULL, "a huge name");
}

int main(void)
{
    arena = arena_create();
    test_good();
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
