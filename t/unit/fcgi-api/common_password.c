#include "fcgi-api/common_password.h"

#include <ctype.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

/* Each of the list, in capitals. */
static void test_list(void)
{
    size_t unknown = 0, short_ones = 0, disordered = 0;
    for (size_t i = 0; i < common_password_count; i++) {
        char text[64] = "";
        const char *common = common_passwords[i];
        for (size_t at = 0; common[at] && at < sizeof text - 1; at++)
            text[at] = (char)toupper((unsigned char)common[at]);
        unknown += !common_password_matches(text, strlen(common));
        short_ones += strlen(common) < 8;
        disordered += i > 0 && strcmp(common_passwords[i - 1], common) >= 0;
    }
    ok(common_password_count > 500, "there are some");
    is_int(unknown, 0, "each is found, also in capitals");
    is_int(short_ones, 0, "none is shorter than a password may be");
    is_int(disordered, 0, "they ascend");
}

static void test_password(void)
{
    ok(common_password_matches(BYTES("password")), "password");
    ok(common_password_matches(BYTES("PassWord123")), "PassWord123");
    ok(common_password_matches(BYTES("12345678")), "12345678");
    ok(!common_password_matches(BYTES("correct horse")), "a better one isn't in the list");
    ok(!common_password_matches(BYTES("passwor")), "nor is the beginning of one");
    ok(!common_password_matches(BYTES("password with more")), "nor what begins with one");
    ok(!common_password_matches(BYTES(" password")), "nor what ends with one");
    ok(!common_password_matches(BYTES("password\0")), "nor one with a NUL behind");
    ok(!common_password_matches(BYTES("")), "nor nothing");
    const char *long_one = bytes_repeat('1', 256);
    ok(!common_password_matches(long_one, strlen(long_one)), "nor a very long one");
}

int main(void)
{
    test_list();
    test_password();
    return done_testing();
}
