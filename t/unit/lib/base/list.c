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
           "%s", expected[i]);
    ok(!list_next(&list, &item, &length), "then no more");
    ok(!list_next(&list, &item, &length), "whoever asks again");
}

static void test_check(void)
{
    ok(list_check("", is_short), "no words");
    ok(list_check(" , ,", is_short), "still none");
    ok(list_check("a bc,d", is_short), "good ones");
    ok(!list_check("a bcd", is_short), "one that is not");
    ok(!list_check("x,a", is_short), "be it the first");
}

static void test_has(void)
{
    ok(list_has("a, bc d", "bc"), "one of them");
    ok(list_has("a, bc d", "d"), "the last one");
    ok(!list_has("a, bc d", "b"), "not a part of one");
    ok(!list_has("a, bc d", "bcd"), "nor more than one");
    ok(!list_has("a, bc d", "BC"), "nor in capitals");
    ok(!list_has("a, bc d", "a, bc"), "nor two");
    ok(!list_has("a, bc d", ""), "nor nothing");
    ok(!list_has("", ""), "not even in an empty list");
}

int main(void)
{
    test_next();
    test_check();
    test_has();
    return done_testing();
}
