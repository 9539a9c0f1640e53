#include "lib/base/list.h"

#include <string.h>

#include "t/unit/tap.h"

static bool is_short(const char *item, size_t length)
{
    return length <= 2 && item[0] != 'x';
}

static void test_next(void)
{
    const char *list = " a,bc , d\t", *item;
    size_t length;
    static const char *const expected[] = {"a", "bc", "d"};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        ok(list_next(&list, &item, &length) && length == strlen(expected[i]) &&
               memcmp(item, expected[i], length) == 0,
           "the next word is %s", expected[i]);
    ok(!list_next(&list, &item, &length), "there is no word after the last one");
    ok(!list_next(&list, &item, &length), "asking again after the end finds no word");
}

static void test_check(void)
{
    ok(list_check("", is_short), "an empty list passes");
    ok(list_check(" , ,", is_short), "a list of separators passes");
    ok(list_check("a bc,d", is_short), "a list of valid words passes");
    ok(!list_check("a bcd", is_short), "an invalid last word fails");
    ok(!list_check("x,a", is_short), "an invalid first word fails");
}

static void test_has(void)
{
    ok(list_has("a, bc d", "bc"), "a word in the list is found");
    ok(list_has("a, bc d", "d"), "the last word is found");
    ok(!list_has("a, bc d", "b"), "a part of a word is not found");
    ok(!list_has("a, bc d", "bcd"), "a text longer than a word is not found");
    ok(!list_has("a, bc d", "BC"), "case matters");
    ok(!list_has("a, bc d", "a, bc"), "two words together are not found");
    ok(!list_has("a, bc d", ""), "an empty text is not found");
    ok(!list_has("", ""), "an empty text is not found in an empty list");
}

int main(void)
{
    test_next();
    test_check();
    test_has();
    return done_testing();
}
