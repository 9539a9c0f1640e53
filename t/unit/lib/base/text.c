#include "lib/base/text.h"

#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

struct sample {
    const char *bytes;
    size_t length;
    const char *name;
};

static const struct sample well_formed[] = {
    {BYTES(""), "nothing"},
    {BYTES("plain"), "ASCII"},
    {BYTES("a\0b"), "NUL"},
    {BYTES("\xc2\x80"), "U+0080, the first of two bytes"},
    {BYTES("\xdf\xbf"), "U+07FF, the last of two"},
    {BYTES("\xe0\xa0\x80"), "U+0800, the first of three"},
    {BYTES("\xed\x9f\xbf"), "U+D7FF, before the surrogates"},
    {BYTES("\xee\x80\x80"), "U+E000, behind them"},
    {BYTES("\xef\xbf\xbf"), "U+FFFF"},
    {BYTES("\xf0\x90\x80\x80"), "U+10000, the first of four"},
    {BYTES("\xf4\x8f\xbf\xbf"), "U+10FFFF, the last of all"},
};

static const struct sample malformed[] = {
    {BYTES("\x80"), "a continuation alone"},
    {BYTES("\xbf"), "another continuation alone"},
    {BYTES("\xc0\xaf"), "overlong slash"},
    {BYTES("\xc1\xbf"), "overlong U+007F"},
    {BYTES("\xe0\x80\xaf"), "overlong slash of three"},
    {BYTES("\xe0\x9f\xbf"), "overlong U+07FF"},
    {BYTES("\xf0\x80\x80\xaf"), "overlong slash of four"},
    {BYTES("\xf0\x8f\xbf\xbf"), "overlong U+FFFF"},
    {BYTES("\xed\xa0\x80"), "the first surrogate"},
    {BYTES("\xed\xbf\xbf"), "the last surrogate"},
    {BYTES("\xf4\x90\x80\x80"), "U+110000"},
    {BYTES("\xf5\x80\x80\x80"), "a first byte that there isn't"},
    {BYTES("\xff"), "a byte that is never there"},
    {BYTES("\xc3"), "cut off after one of two"},
    {BYTES("\xe2\x82"), "cut off after two of three"},
    {BYTES("\xf0\x9f\x8e"), "cut off after three of four"},
    {BYTES("\xc3("), "no continuation as second byte"},
    {BYTES("\xe2\x82("), "none as third byte"},
    {BYTES("\xf0\x9f\x8e("), "none as fourth byte"},
    {BYTES("good\xff"), "at the end"},
};

static void test_utf8(void)
{
    for (size_t i = 0; i < COUNT_OF(well_formed); i++) {
        const struct sample *given = &well_formed[i];
        ok(text_is_utf8(bytes_exact(given->bytes, given->length), given->length), "well-formed: %s",
           given->name);
    }
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        const struct sample *given = &malformed[i];
        ok(!text_is_utf8(bytes_exact(given->bytes, given->length), given->length), "malformed: %s",
           given->name);
    }
}

static void test_characters(void)
{
    is_int(text_characters(BYTES("")), 0, "nothing has no characters");
    is_int(text_characters(BYTES("abc")), 3, "ASCII");
    is_int(text_characters(BYTES("gr\xc3\xbc\xc3\x9f")), 4, "two bytes a character");
    is_int(text_characters(BYTES("\xe2\x82\xac")), 1, "three");
    is_int(text_characters(BYTES("\xf0\x9f\x8e\xac\xf0\x9f\x8e\xac")), 2, "four");
}

static void trims(const char *given, size_t length, const char *expected, const char *name)
{
    const char *text = bytes_exact(given, length);
    char trimmed[64] = "";
    text_trim(&text, &length);
    memcpy(trimmed, text, length);
    is_text(trimmed, expected, "%s", name);
}

static void test_trim(void)
{
    trims(BYTES(""), "", "nothing to trim");
    trims(BYTES("a"), "a", "nothing to trim off");
    trims(BYTES(" \t\r\n\v\f"), "", "nothing but blanks");
    trims(BYTES("  a b \n"), "a b", "blanks at both ends, not within");
    trims(BYTES("\302\240a\302\240"), "a", "no-break spaces");
    trims(BYTES("\343\200\200a\342\200\250"), "a", "ideographic space, line separator");
    trims(BYTES("\302\205a\341\232\200"), "a", "next line, ogham space");
    trims(BYTES("\342\200\213a"), "\342\200\213a", "a zero width space is not white space");
    trims(BYTES(" \xc3\xa0 "), "\xc3\xa0", "a character that ends in the byte of a space");
    trims(BYTES(" \xf0\x9f\x8e\xac "), "\xf0\x9f\x8e\xac", "four bytes");

    const char *text = " \0 ";
    size_t length = 3;
    text_trim(&text, &length);
    is_int(length, 1, "a NUL is no white space");
}

static void test_control(void)
{
    static const char *const always[] = {"\x01",     "a\x1f", "\x7f",       "\x1b[0m",
                                         "\xc2\x80", "\b",    "a\302\237b", "\v"};
    for (size_t i = 0; i < COUNT_OF(always); i++) {
        size_t length = strlen(always[i]);
        ok(text_has_control(always[i], length, false), "control in a line: row %zu", i);
        ok(text_has_control(always[i], length, true), "control in lines: row %zu", i);
    }
    ok(text_has_control(BYTES("a\0b"), true), "NUL");
    ok(text_has_control(BYTES("a\tb"), false), "tab in a line");
    ok(text_has_control(BYTES("a\nb"), false), "line end in a line");
    ok(!text_has_control(BYTES("a\tb\r\nc"), true), "tab and line end in lines");
    ok(!text_has_control(BYTES(" ~\xc2\xa0\xe2\x80\xa8\xf0\x9f\x8e\xac"), false), "printable");
    ok(!text_has_control(BYTES(""), false), "nothing");
}

int main(void)
{
    test_utf8();
    test_characters();
    test_trim();
    test_control();
    return done_testing();
}
