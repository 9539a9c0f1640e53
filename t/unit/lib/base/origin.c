#include "lib/base/origin.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

static void test_valid(void)
{
    static const char *const good[] = {
        "http://a",
        "https://example.org",
        "https://a-b.example.org:8443",
        "http://localhost:3000",
        "http://192.0.2.1",
        "https://xn--mnchen-3ya.example",
        "http://[::1]",
        "http://[2001:db8::1]:81",
        "http://a:443",
        "https://a:80",
        "http://my_host:8080",
        "http://a:65535",
    };
    static const char *const bad[] = {
        "",
        "*",
        "null",
        "http://",
        "https://*",
        "https://*.example.org",
        "example.org",
        "//example.org",
        "ftp://example.org",
        "file://",
        "HTTPS://example.org",
        "https://Example.org",
        "https://example.org/",
        "https://example.org/x",
        "https://example.org?",
        "https://example.org#",
        "https://u@example.org",
        "https://.example.org",
        "https://example..org",
        "https://example.org.",
        "https://example.org:",
        "https://example.org:0",
        "https://example.org:443",
        "http://example.org:80",
        "http://example.org:65536",
        "http://example.org:08",
        "http://example.org:x",
        "http://example.org:81:82",
        "http://[::1",
        "http://::1",
        "http://[0:0::1]",
        "http://[::1]x",
        "http://[::A]",
        "http://m\xc3\xbcnchen.example",
        "http://a b",
        "http://a\"",
        "http://a$b",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        ok(origin_is_valid(good[i], strlen(good[i])), "%s", good[i]);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ok(!origin_is_valid(bad[i], strlen(bad[i])), "not \"%s\"", bad[i]);
    ok(origin_is_valid("http://a/x", 8), "no more is read than is given");
    char text[300];
    snprintf(text, sizeof text, "http://%s", bytes_repeat('a', 253));
    ok(origin_is_valid(text, strlen(text)), "the longest name");
    strcat(text, "a");
    ok(!origin_is_valid(text, strlen(text)), "a longer one");
}

static void test_of_host(void)
{
    ok(origin_matches_host("http://a:81", "a:81"), "of that host");
    ok(origin_matches_host("https://A", "a"), "in capitals, too");
    ok(!origin_matches_host("http://a:81", "a"), "not of another port");
    ok(!origin_matches_host("http://a.b", "a"), "nor of another name");
    ok(!origin_matches_host("null", "null"), "nor without one");
    ok(!origin_matches_host("a", "a"), "nor without a scheme");
    ok(!origin_matches_host("http://", "x"), "nor with nothing");
}

int main(void)
{
    test_valid();
    test_of_host();
    return done_testing();
}
