#include "fcgi-api/common_password.h"

#include <ctype.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

/* Looks up every password of the list in upper case. */
static void test_list(void)
{
    size_t not_found = 0, too_short = 0, unsorted = 0;
    for (size_t i = 0; i < common_password_count; i++) {
        char text[64] = "";
        const char *common = common_passwords[i];
        for (size_t at = 0; common[at] && at < sizeof text - 1; at++)
            text[at] = (char)toupper((unsigned char)common[at]);
        not_found += !common_password_matches(text, strlen(common));
        too_short += strlen(common) < 8;
        unsorted += i > 0 && strcmp(common_passwords[i - 1], common) >= 0;
    }
    ok(common_password_count > 500, "the list has more than 500 passwords");
    is_int(not_found, 0, "every password of the list is found in upper case");
    is_int(too_short, 0, "no password of the list is shorter than 8 bytes");
    is_int(unsorted, 0, "the list is sorted");
}

static void test_password(void)
{
    ok(common_password_matches(BYTES("password")), "password is common");
    ok(common_password_matches(BYTES("PassWord123")), "PassWord123 is common: case is ignored");
    ok(common_password_matches(BYTES("12345678")), "12345678 is common");
    ok(!common_password_matches(BYTES("correct horse")), "a passphrase is not common");
    ok(!common_password_matches(BYTES("passwor")), "a prefix of a common password is not common");
    ok(!common_password_matches(BYTES("password with more")),
       "text that starts with a common password is not common");
    ok(!common_password_matches(BYTES(" password")), "text that ends with a common password is not common");
    ok(!common_password_matches(BYTES("password\0")), "a common password followed by a NUL is not common");
    ok(!common_password_matches(BYTES("")), "the empty password is not common");
    const char *long_password = bytes_repeat('1', 256);
    ok(!common_password_matches(long_password, strlen(long_password)),
       "a password longer than any in the list is not common");
}

int main(void)
{
    test_list();
    test_password();
    return done_testing();
}
