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
    {BYTES(""), "the empty text"},
    {BYTES("plain"), "ASCII"},
    {BYTES("a\0b"), "NUL"},
    {BYTES("\xc2\x80"), "U+0080, the first sequence of two bytes"},
    {BYTES("\xdf\xbf"), "U+07FF, the last sequence of two bytes"},
    {BYTES("\xe0\xa0\x80"), "U+0800, the first sequence of three bytes"},
    {BYTES("\xed\x9f\xbf"), "U+D7FF, before the surrogates"},
    {BYTES("\xee\x80\x80"), "U+E000, after the surrogates"},
    {BYTES("\xef\xbf\xbf"), "U+FFFF"},
    {BYTES("\xf0\x90\x80\x80"), "U+10000, the first sequence of four bytes"},
    {BYTES("\xf4\x8f\xbf\xbf"), "U+10FFFF, the last code point"},
};

static const struct sample malformed[] = {
    {BYTES("\x80"), "a lone continuation byte 0x80"},
    {BYTES("\xbf"), "a lone continuation byte 0xbf"},
    {BYTES("\xc0\xaf"), "an overlong slash of two bytes"},
    {BYTES("\xc1\xbf"), "an overlong U+007F"},
    {BYTES("\xe0\x80\xaf"), "an overlong slash of three bytes"},
    {BYTES("\xe0\x9f\xbf"), "an overlong U+07FF"},
    {BYTES("\xf0\x80\x80\xaf"), "an overlong slash of four bytes"},
    {BYTES("\xf0\x8f\xbf\xbf"), "an overlong U+FFFF"},
    {BYTES("\xed\xa0\x80"), "the first surrogate"},
    {BYTES("\xed\xbf\xbf"), "the last surrogate"},
    {BYTES("\xf4\x90\x80\x80"), "U+110000"},
    {BYTES("\xf5\x80\x80\x80"), "the lead byte 0xf5, which is never valid"},
    {BYTES("\xff"), "the byte 0xff, which is never valid"},
    {BYTES("\xc3"), "one of two bytes"},
    {BYTES("\xe2\x82"), "two of three bytes"},
    {BYTES("\xf0\x9f\x8e"), "three of four bytes"},
    {BYTES("\xc3("), "a second byte that is not a continuation"},
    {BYTES("\xe2\x82("), "a third byte that is not a continuation"},
    {BYTES("\xf0\x9f\x8e("), "a fourth byte that is not a continuation"},
    {BYTES("good\xff"), "an invalid byte at the end"},
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
    is_int(text_characters(BYTES("")), 0, "the empty text has 0 characters");
    is_int(text_characters(BYTES("abc")), 3, "an ASCII character is one byte");
    is_int(text_characters(BYTES("gr\xc3\xbc\xc3\x9f")), 4, "a character of two bytes counts once");
    is_int(text_characters(BYTES("\xe2\x82\xac")), 1, "a character of three bytes counts once");
    is_int(text_characters(BYTES("\xf0\x9f\x8e\xac\xf0\x9f\x8e\xac")), 2,
           "a character of four bytes counts once");
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
    trims(BYTES(""), "", "the empty text stays empty");
    trims(BYTES("a"), "a", "a text without white space is unchanged");
    trims(BYTES(" \t\r\n\v\f"), "", "a text of white space becomes empty");
    trims(BYTES("  a b \n"), "a b", "white space is trimmed at both ends, not inside");
    trims(BYTES("\302\240a\302\240"), "a", "no-break spaces are trimmed");
    trims(BYTES("\343\200\200a\342\200\250"), "a", "ideographic space and line separator are trimmed");
    trims(BYTES("\302\205a\341\232\200"), "a", "next line and ogham space mark are trimmed");
    trims(BYTES("\342\200\213a"), "\342\200\213a", "a zero width space is not trimmed");
    trims(BYTES(" \xc3\xa0 "), "\xc3\xa0", "a character whose last byte is 0xa0 is not trimmed");
    trims(BYTES(" \xf0\x9f\x8e\xac "), "\xf0\x9f\x8e\xac", "a character of four bytes is not trimmed");

    const char *text = " \0 ";
    size_t length = 3;
    text_trim(&text, &length);
    is_int(length, 1, "a NUL is not trimmed");
}

static void test_control(void)
{
    static const char *const always[] = {"\x01",     "a\x1f", "\x7f",       "\x1b[0m",
                                         "\xc2\x80", "\b",    "a\302\237b", "\v"};
    for (size_t i = 0; i < COUNT_OF(always); i++) {
        size_t length = strlen(always[i]);
        ok(text_has_control(always[i], length, false),
           "a control character is found in single-line text (row %zu)", i);
        ok(text_has_control(always[i], length, true),
           "a control character is found in multi-line text (row %zu)", i);
    }
    ok(text_has_control(BYTES("a\0b"), true), "a NUL is a control character");
    ok(text_has_control(BYTES("a\tb"), false), "a tab is a control character in single-line text");
    ok(text_has_control(BYTES("a\nb"), false), "a line feed is a control character in single-line text");
    ok(!text_has_control(BYTES("a\tb\r\nc"), true), "tab and line ends are allowed in multi-line text");
    ok(!text_has_control(BYTES(" ~\xc2\xa0\xe2\x80\xa8\xf0\x9f\x8e\xac"), false),
       "printable text has no control character");
    ok(!text_has_control(BYTES(""), false), "the empty text has no control character");
}

int main(void)
{
    test_utf8();
    test_characters();
    test_trim();
    test_control();
    return done_testing();
}
