#include "lib/base/origin.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

static void test_valid(void)
{
    static const char *const valid[] = {
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
    static const char *const invalid[] = {
        "",
        "*",
        "null",
        "http://",
        "https://*",
        "https://*.example.org", /* no wildcards */
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
    for (size_t i = 0; i < COUNT_OF(valid); i++)
        ok(origin_is_valid(valid[i], strlen(valid[i])), "valid: %s", valid[i]);
    for (size_t i = 0; i < COUNT_OF(invalid); i++)
        ok(!origin_is_valid(invalid[i], strlen(invalid[i])), "invalid: \"%s\"", invalid[i]);
    ok(origin_is_valid("http://a/x", 8), "bytes after the given length are not read");
    char text[300];
    snprintf(text, sizeof text, "http://%s", bytes_repeat('a', 253));
    ok(origin_is_valid(text, strlen(text)), "a host name of 253 characters is valid");
    strcat(text, "a");
    ok(!origin_is_valid(text, strlen(text)), "a host name of 254 characters is invalid");
}

static void test_matches_host(void)
{
    ok(origin_matches_host("http://a:81", "a:81"), "the same host and port match");
    ok(origin_matches_host("https://A", "a"), "case does not matter");
    ok(!origin_matches_host("http://a:81", "a"), "a different port does not match");
    ok(!origin_matches_host("http://a.b", "a"), "a different host name does not match");
    ok(!origin_matches_host("null", "null"), "the origin null does not match");
    ok(!origin_matches_host("a", "a"), "an origin without a scheme does not match");
    ok(!origin_matches_host("http://", "x"), "an origin without a host does not match");
}

int main(void)
{
    test_valid();
    test_matches_host();
    return done_testing();
}
