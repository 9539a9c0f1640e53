#include "fcgi-stream/tokens/journal_line.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

#define ID "0123456789abcdef0123456789ABCDEF"

static struct journal_line line;

static bool reads(const char *text, size_t length)
{
    memset(&line, 0xff, sizeof line);
    return journal_line_parse(bytes_exact(text, length), length, &line);
}

static void test_good(void)
{
    static const unsigned char id[BUCKET_REQUEST_ID_BYTES] = "\x01\x23\x45\x67\x89\xab\xcd\xef"
                                                             "\x01\x23\x45\x67\x89\xab\xcd\xef";
    ok(reads(BYTES(ID " 42 1795485984.123 206 65536 0.7.3 - /srv/media/incoming/0000000001")),
       "a whole line");
    ok(memcmp(line.request_id, id, sizeof id) == 0, "its request id");
    is_int(line.time_ms, 1795485984123, "its time");
    is_int(line.status, 206, "its status");
    is_int(line.bytes_sent, 65536, "what was sent");
    is_text(line.token, "0.7.3", "its token");
    is_text(line.body_file, "/srv/media/incoming/0000000001", "its body");

    ok(reads(BYTES(ID " 42 0.000 499 0 - - -")), "a line without token and body");
    is_int(line.time_ms, 0, "at the beginning of time");
    is_int(line.bytes_sent, 0, "nothing was sent");
    is_text(line.token, "", "no token");
    is_text(line.body_file, "", "no body");
    ok(reads(BYTES(ID " 42 1.000 200 9223372036854775807 - - /srv/my media/a  b")), "spaces in a path");
    is_text(line.body_file, "/srv/my media/a  b", "belong to it");
    is_int(line.bytes_sent, INT64_MAX, "as many bytes as there can be");
    ok(reads(BYTES(ID " 42 1.000 499 0 - ab8fad5b-d9cb-469f-a165-70867728950e.100 /a")),
       "a piece of an upload");
    is_text(line.upload, "ab8fad5b-d9cb-469f-a165-70867728950e.100", "is that one");
    is_text(line.body_file, "/a", "and in that file");
    ok(reads(BYTES(ID " 42 1.000 200 0   ")), "fields that are empty");
    is_text(line.token, "", "no token");
    is_text(line.body_file, "", "no body");
}

static void test_bad(void)
{
    static const char *const lines[] = {
        "",
        " ",
        "      ",
        ID,
        ID " 42 1.000 200 0 -",
        ID " 42 1.000 200 0 - -",
        ID " 42 1.000 200 0",
        " " ID " 42 1.000 200 0 - - -",
        ID "0 42 1.000 200 0 - - -",
        "0123456789abcdef0123456789ABCDE 42 1.000 200 0 - - -",
        "0123456789abcdef0123456789ABCDEg 42 1.000 200 0 - - -",
        "- 42 1.000 200 0 - - -",
        ID " 42 1 200 0 - - -",
        ID " 42 1.00 200 0 - - -",
        ID " 42 1.0000 200 0 - - -",
        ID " 42 -1.000 200 0 - - -",
        ID " 42 .000 200 0 - - -",
        ID " 42 1.0x0 200 0 - - -",
        ID " 42 9223372036854775.807 200 0 - - -",
        ID " 42 1.000 -1 0 - - -",
        ID " 42 1.000 1000 0 - - -",
        ID " 42 1.000 200 -1 - - -",
        ID " 42 1.000 200 9223372036854775808 - - -",
        ID " 42 1.000 200 - - - -",
        ID " 42 1.000  200 0 - - -",
        ID " 42 1.000 200 0 0123456789012345678901234567890123456789 - -", /* a token of 40 characters */
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        ok(!reads(lines[i], strlen(lines[i])), "no line: \"%s\"", lines[i]);
    ok(reads(BYTES(ID " 42 1.000 200 0 012345678901234567890123456789012345678 - -")),
       "a token of 39 characters");
}

static void test_long(void)
{
    char text[1024];
    int length =
        snprintf(text, sizeof text, ID " 42 1.000 200 0 - - %s", bytes_repeat('x', MEDIA_PATH_SIZE - 1));
    ok(reads(text, (size_t)length), "a path as long as it may be");
    is_int(strlen(line.body_file), MEDIA_PATH_SIZE - 1, "is whole");
    length = snprintf(text, sizeof text, ID " 42 1.000 200 0 - - %s", bytes_repeat('x', MEDIA_PATH_SIZE));
    ok(!reads(text, (size_t)length), "one that is longer isn't read");
    ok(!reads(bytes_repeat('x', 100000), 100000), "nor is a flood");
}

static void test_cut_off(void)
{
    static const char whole[] = ID " 42 1795485984.123 206 65536 0.7.3 - /a";
    bool refused = true;
    for (size_t length = 0; length < sizeof whole - 1 - strlen(" /a"); length++)
        refused = refused && !reads(whole, length);
    ok(refused, "a line that is cut off before its last field is none");
}

int main(void)
{
    test_good();
    test_bad();
    test_long();
    test_cut_off();
    return done_testing();
}
