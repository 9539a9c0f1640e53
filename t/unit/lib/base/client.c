#include "lib/base/client.h"

#include "t/unit/tap.h"

static bool same(const char *one, const char *other)
{
    return client_from_address(one) == client_from_address(other);
}

int main(void)
{
    ok(same("192.0.2.1", "192.0.2.1"), "an IPv4 address always gives the same client");
    ok(!same("192.0.2.1", "192.0.2.2"), "two IPv4 addresses are different clients");
    ok(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
       "all addresses of an IPv6 /64 are one client");
    ok(same("2001:db8:1:2::1", "2001:0DB8:0001:0002:0::1"),
       "the notation of an IPv6 address does not matter");
    ok(!same("2001:db8:1:2::1", "2001:db8:1:3::1"), "the next /64 is a different client");
    ok(!same("2001:db8:1:2::1", "2001:db8:2:2::1"), "a distant /64 is a different client");
    ok(same("::ffff:192.0.2.1", "192.0.2.1"), "an IPv4-mapped IPv6 address is the IPv4 client");
    ok(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"), "two IPv4-mapped addresses are different clients");
    ok(client_from_session("one") == client_from_session("one"), "a session always gives the same client");
    ok(client_from_session("one") != client_from_session("other"), "two sessions are different clients");
    ok(client_from_session("192.0.2.1") != client_from_address("192.0.2.1"),
       "a token that looks like an address is a different client");
    ok(client_from_user(7) == client_from_user(7), "a user always gives the same client");
    ok(client_from_user(7) != client_from_user(8), "two users are different clients");
    ok(client_from_user(0x656e6f) != client_from_session("one"),
       "a user whose id has the bytes of a token is a different client");
    ok(same("unix:", "unix:"), "all unix socket clients are one client");
    ok(!same("", "192.0.2.1"), "an empty address is a different client");
    return done_testing();
}
