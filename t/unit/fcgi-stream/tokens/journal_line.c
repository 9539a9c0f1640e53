#include "fcgi-stream/tokens/journal_line.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

#define ID "0123456789abcdef0123456789ABCDEF"

static struct journal_line line;

static bool parses(const char *text, size_t length)
{
    memset(&line, 0xff, sizeof line);
    return journal_line_parse(bytes_exact(text, length), length, &line);
}

static void test_good(void)
{
    static const unsigned char id[BUCKET_REQUEST_ID_BYTES] = "\x01\x23\x45\x67\x89\xab\xcd\xef"
                                                             "\x01\x23\x45\x67\x89\xab\xcd\xef";
    ok(parses(BYTES(ID " 42 1795485984.123 206 65536 0.7.3 - /srv/media/incoming/0000000001")),
       "a complete line is parsed");
    ok(memcmp(line.request_id, id, sizeof id) == 0, "the request id is parsed");
    is_int(line.time_ms, 1795485984123, "the time is parsed");
    is_int(line.status, 206, "the status is parsed");
    is_int(line.bytes_sent, 65536, "the bytes sent are parsed");
    is_text(line.token, "0.7.3", "the token is parsed");
    is_text(line.body_file, "/srv/media/incoming/0000000001", "the body file is parsed");

    ok(parses(BYTES(ID " 42 0.000 499 0 - - -")), "a line with dashes for token and body file is parsed");
    is_int(line.time_ms, 0, "the time 0 is parsed");
    is_int(line.bytes_sent, 0, "0 bytes sent are parsed");
    is_text(line.token, "", "a dash means no token");
    is_text(line.body_file, "", "a dash means no body file");
    ok(parses(BYTES(ID " 42 1.000 200 9223372036854775807 - - /srv/my media/a  b")),
       "a path with spaces is parsed");
    is_text(line.body_file, "/srv/my media/a  b", "the spaces belong to the path");
    is_int(line.bytes_sent, INT64_MAX, "2^63-1 bytes sent are parsed");
    ok(parses(BYTES(ID " 42 1.000 499 0 - ab8fad5b-d9cb-469f-a165-70867728950e.100 /a")),
       "a line with a chunk name is parsed");
    is_text(line.upload, "ab8fad5b-d9cb-469f-a165-70867728950e.100", "the chunk name is parsed");
    is_text(line.body_file, "/a", "the body file of the chunk is parsed");
    ok(parses(BYTES(ID " 42 1.000 200 0   ")), "a line with empty fields is parsed");
    is_text(line.token, "", "an empty field means no token");
    is_text(line.body_file, "", "an empty field means no body file");
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
        /* a token of 40 characters */
        ID " 42 1.000 200 0 0123456789012345678901234567890123456789 - -",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        ok(!parses(lines[i], strlen(lines[i])), "a malformed line is rejected: \"%s\"", lines[i]);
    ok(parses(BYTES(ID " 42 1.000 200 0 012345678901234567890123456789012345678 - -")),
       "a token of 39 characters is accepted");
}

static void test_long(void)
{
    char text[1024];
    int length =
        snprintf(text, sizeof text, ID " 42 1.000 200 0 - - %s", bytes_repeat('x', MEDIA_PATH_SIZE - 1));
    ok(parses(text, (size_t)length), "a path of maximum length is accepted");
    is_int(strlen(line.body_file), MEDIA_PATH_SIZE - 1, "a path of maximum length is complete");
    length = snprintf(text, sizeof text, ID " 42 1.000 200 0 - - %s", bytes_repeat('x', MEDIA_PATH_SIZE));
    ok(!parses(text, (size_t)length), "a longer path is rejected");
    ok(!parses(bytes_repeat('x', 100000), 100000), "100000 bytes without a space are rejected");
}

static void test_cut_off(void)
{
    static const char whole[] = ID " 42 1795485984.123 206 65536 0.7.3 - /a";
    bool rejected = true;
    for (size_t length = 0; length < sizeof whole - 1 - strlen(" /a"); length++)
        rejected = rejected && !parses(whole, length);
    ok(rejected, "a line that is cut off before its last field is rejected");
}

int main(void)
{
    test_good();
    test_bad();
    test_long();
    test_cut_off();
    return done_testing();
}
