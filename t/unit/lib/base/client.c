#include "lib/base/client.h"

#include "t/unit/tap.h"

static bool same(const char *one, const char *other)
{
    return client_from_address(one) == client_from_address(other);
}

int main(void)
{
    ok(same("192.0.2.1", "192.0.2.1"), "an IPv4 address is a client");
    ok(!same("192.0.2.1", "192.0.2.2"), "its neighbour is another");
    ok(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"), "an IPv6 /64 is one client");
    ok(same("2001:db8:1:2::1", "2001:0DB8:0001:0002:0::1"), "however it is written");
    ok(!same("2001:db8:1:2::1", "2001:db8:1:3::1"), "the next /64 is another");
    ok(!same("2001:db8:1:2::1", "2001:db8:2:2::1"), "so is one further away");
    ok(same("::ffff:192.0.2.1", "192.0.2.1"), "an IPv4 address in an IPv6 one is that client");
    ok(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"), "and not its neighbour");
    ok(client_from_session("one") == client_from_session("one"), "a session is a client");
    ok(client_from_session("one") != client_from_session("other"), "another session is another");
    ok(client_from_session("192.0.2.1") != client_from_address("192.0.2.1"), "whatever the token says");
    ok(client_from_user(7) == client_from_user(7), "a user is a client");
    ok(client_from_user(7) != client_from_user(8), "another user is another");
    ok(client_from_user(0x656e6f) != client_from_session("one"), "and no session");
    ok(same("unix:", "unix:"), "whoever comes by a unix socket is one");
    ok(!same("", "192.0.2.1"), "no address is another");
    return done_testing();
}
