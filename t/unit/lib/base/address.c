#include "lib/base/address.h"

#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

int main(void)
{
    static const char *const good[] = {
        "192.0.2.1",   "10.0.0.0/8", "192.0.2.128/25", "192.0.2.1/32",        "0.0.0.0/0",      "::1",
        "2001:db8::1", "fd00::/8",   "::/0",           "2001:db8:0:0:1::/80", "::ffff:1.2.3.4", "fe80::/10",
    };
    static const char *const bad[] = {
        "",           "/8",          "192.0.2",        "192.0.2.256",  "192.0.2.1/",    "192.0.2.1/33",
        "10.0.0.1/8", "192.0.2.1/-", "192.0.2.1/+8",   "192.0.2.1/08", "::1/129",       "fd00::1/8",
        ":::",        "[::1]",       "192.0.2.1:8080", "example.org",  "192.0.2.1/8/8", "192.0.2.129/25",
        "fe80::1%lo", " 192.0.2.1",  "192.0.2.1 ",     "0x7f.0.0.1",   "127.1",         "192.0.2.1;",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        ok(address_is_range(good[i], strlen(good[i])), "accepted: %s", good[i]);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        ok(!address_is_range(bad[i], strlen(bad[i])), "rejected: \"%s\"", bad[i]);
    ok(address_is_range("192.0.2.1,x", 9), "bytes after the given length are not read");
    ok(!address_is_range(bytes_repeat('1', 5000), 5000), "a text longer than any address is rejected");
    return done_testing();
}
