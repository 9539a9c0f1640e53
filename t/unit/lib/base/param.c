#include "lib/base/param.h"

#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

struct number {
    const char *text;
    int64_t value; /* -1: invalid */
};

typedef bool number_parser(const char *text, size_t length, int64_t *out);

/* An invalid text must leave the output unchanged. */
static void parse_numbers(const char *kind, number_parser *parse, const struct number *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = -1;
        size_t length = strlen(numbers[i].text);
        bool valid = parse(bytes_exact(numbers[i].text, length), length, &value);
        is_int(valid, numbers[i].value != -1, "%s \"%s\" is %s", kind, numbers[i].text,
               numbers[i].value != -1 ? "accepted" : "rejected");
        is_int(value, numbers[i].value, "%s \"%s\" gives the output %lld", kind, numbers[i].text,
               (long long)numbers[i].value);
    }
}

static const struct number ids[] = {
    {"1", 1},
    {"42", 42},
    {"9223372036854775807", INT64_MAX},
    {"9223372036854775808", -1},
    {"9223372036854775810", -1},
    {"18446744073709551617", -1},
    {"99999999999999999999999999999999", -1},
    {"", -1},
    {"0", -1},
    {"01", -1},
    {"00", -1},
    {"-1", -1},
    {"+1", -1},
    {" 1", -1},
    {"1 ", -1},
    {"1.0", -1},
    {"1e3", -1},
    {"0x1", -1},
    {"1\n", -1},
    {"one", -1},
    {"\xd9\xa1", -1}, /* the Arabic digit one */
};

static const struct number limits[] = {
    {"1", 1},     {"50", 50},  {"100", 100}, {"0", -1},  {"101", -1},
    {"1000", -1}, {"050", -1}, {"", -1},     {"-1", -1},
};

static void test_numbers(void)
{
    parse_numbers("id", param_id, ids, COUNT_OF(ids));
    parse_numbers("limit", param_limit, limits, COUNT_OF(limits));

    int64_t value = -1;
    ok(param_number(BYTES("0"), 0, &value) && value == 0, "0 is accepted with max 0");
    ok(!param_number(BYTES("1"), 0, &value), "1 is rejected with max 0");
    ok(param_number(BYTES("19"), 19, &value) && value == 19, "19 is accepted with max 19");
    ok(!param_number(BYTES("20"), 19, &value), "20 is rejected with max 19");
    ok(!param_number(BYTES("9"), 3, &value), "9 is rejected with max 3");
    ok(!param_id(BYTES("1\0002"), &value), "a number with a NUL inside is rejected");
    is_int(value, 19, "a rejected number leaves the output unchanged");
}

static void test_uuid(void)
{
    static const char lower[] = "0f8fad5b-d9cb-469f-a165-70867728950e";
    static const char *const wrong[] = {
        "",
        "0f8fad5b-d9cb-469f-a165-70867728950",    /* one digit too few */
        "0f8fad5b-d9cb-469f-a165-70867728950e0",  /* one digit too many */
        "0f8fad5bd9cb469fa16570867728950e",       /* no dashes */
        "{0f8fad5b-d9cb-469f-a165-70867728950e}", /* braces */
        "0f8fad5b-d9cb-469f-a165-70867728950g",   /* not a hex digit */
        "0f8fad5b-d9cb-469f-a16570867728950ee",   /* one dash too few */
        "0f8fad5-bd9cb-469f-a165-70867728950e",   /* a dash in the wrong place */
        "0f8fad5b-d9cb-469f-a165-7086772895-e",   /* one dash too many */
        "0f8fad5b-d9cb-469f-a165-70867728950 ",
    };
    char uuid[PARAM_UUID_SIZE] = "";
    ok(param_uuid(bytes_exact(BYTES(lower)), 36, uuid), "a UUID in lower case is accepted");
    is_text(uuid, lower, "a UUID in lower case is unchanged");
    ok(param_uuid(BYTES("0F8FAD5B-D9CB-469F-A165-70867728950E"), uuid), "a UUID in upper case is accepted");
    is_text(uuid, lower, "a UUID in upper case becomes lower case");
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        ok(!param_uuid(wrong[i], strlen(wrong[i]), uuid), "not a UUID: \"%s\"", wrong[i]);
    is_text(uuid, lower, "a rejected UUID leaves the output unchanged");
}

static void decodes(const char *given, bool plus, const char *expected)
{
    char out[64] = "";
    size_t length = strlen(given), decoded = 0;
    bool valid = param_percent_decode(bytes_exact(given, length), length, plus, out, &decoded);
    if (valid)
        out[decoded] = '\0';
    is_text(valid ? out : NULL, expected, "\"%s\" %s", given, expected ? "is decoded" : "is rejected");
}

static void test_percent_decode(void)
{
    decodes("", false, "");
    decodes("plain", false, "plain");
    decodes("%41%6a%4A%2f%25", false, "AjJ/%");
    decodes("%C3%BC", false, "\xc3\xbc");
    decodes("%ff%01", false, "\xff\x01");
    decodes("%2541", false, "%41"); /* decoded once, not twice */
    decodes("a+b", false, "a+b");
    decodes("a+b%2B", true, "a b+");
    decodes("%", false, NULL);
    decodes("abc%", false, NULL);
    decodes("%4", false, NULL);
    decodes("%4g", false, NULL);
    decodes("%g4", false, NULL);
    decodes("%%41", false, NULL);
    decodes("% 41", false, NULL);
    decodes("%00", false, NULL);
    decodes("a%00b", true, NULL);
}

typedef bool finder(const char *text, const char *name, const char **value, size_t *length);

static void finds(finder *find, const char *text, const char *name, const char *expected)
{
    char found[64] = "";
    const char *value = NULL;
    size_t length = 0;
    bool found_it = find(text, name, &value, &length);
    if (found_it)
        memcpy(found, value, length);
    is_text(found_it ? found : NULL, expected, "%s %s in \"%s\"", name,
            expected ? "is found" : "is not found", text);
}

static void test_query(void)
{
    finds(param_query, "limit=5", "limit", "5");
    finds(param_query, "a=1&limit=5&b=2", "limit", "5");
    finds(param_query, "limit=5&limit=6", "limit", "5");
    finds(param_query, "limit=", "limit", "");
    finds(param_query, "limit=&a=1", "limit", "");
    finds(param_query, "q=a=b", "q", "a=b");
    finds(param_query, "q=%41+b", "q", "%41+b");
    finds(param_query, "&&limit=5&&", "limit", "5");
    finds(param_query, "", "limit", NULL);
    finds(param_query, "limit", "limit", NULL);
    finds(param_query, "limit&a=1", "limit", NULL);
    finds(param_query, "xlimit=5", "limit", NULL);
    finds(param_query, "limits=5", "limit", NULL);
    finds(param_query, "Limit=5", "limit", NULL);
    finds(param_query, "a=limit=5", "limit", NULL);
    finds(param_query, "lim", "limit", NULL);
}

static void test_cookie(void)
{
    finds(param_cookie, "id=5", "id", "5");
    finds(param_cookie, "a=1; id=5; b=2", "id", "5");
    finds(param_cookie, "a=1;id=5;b=2", "id", "5");
    finds(param_cookie, "id=5; id=6", "id", "5");
    finds(param_cookie, "  id=5 \t; b=2", "id", "5");
    finds(param_cookie, "id=", "id", "");
    finds(param_cookie, "id=a=b", "id", "a=b");
    finds(param_cookie, "id=  ", "id", "");
    finds(param_cookie, ";;id=5", "id", "5");
    finds(param_cookie, "", "id", NULL);
    finds(param_cookie, "  ", "id", NULL);
    finds(param_cookie, "id", "id", NULL);
    finds(param_cookie, "id; a=1", "id", NULL);
    finds(param_cookie, "xid=5; ids=6", "id", NULL);
    finds(param_cookie, "a=id=5", "id", NULL);
    finds(param_cookie, "ID=5", "id", NULL);
}

int main(void)
{
    test_numbers();
    test_uuid();
    test_percent_decode();
    test_query();
    test_cookie();
    return done_testing();
}
