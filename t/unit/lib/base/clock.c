#include "lib/base/clock.h"

#include <limits.h>
#include <stddef.h>

#include "t/unit/tap.h"

static void test_rfc3339(void)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {1795485984, "2026-11-24T02:06:24Z"},
        {2147483648, "2038-01-19T03:14:08Z"},
        {4107542399, "2100-02-28T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"}, /* 2100 is not a leap year */
        {253402300799, "9999-12-31T23:59:59Z"},
    };
    char text[CLOCK_RFC3339_SIZE];
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_text(clock_rfc3339(rows[i].seconds, text), rows[i].text, "%lld s", (long long)rows[i].seconds);
}

static void test_http(void)
{
    char text[CLOCK_HTTP_SIZE];
    is_text(clock_http(784111777, text), "Sun, 06 Nov 1994 08:49:37 GMT",
            "the example of RFC 9110 is formatted");
    is_text(clock_http(1795485984, text), "Tue, 24 Nov 2026 02:06:24 GMT", "a date in 2026 is formatted");
}

static void test_clocks(void)
{
    int64_t ms = clock_ms(), us = clock_us();
    ok(us / 1000 >= ms && us / 1000 - ms < 60000, "clock_ms and clock_us read the same clock");
    ok(clock_us() >= us, "the clock does not go backwards");
    ok(clock_unix_ms() > 1700000000000 && clock_unix_ms() < 4102444800000,
       "the calendar clock is in this century");
}

static void test_left(void)
{
    int64_t now = clock_ms();
    int left = clock_left_ms(now + 1000000);
    ok(left > 900000 && left <= 1000000, "the time left until a future deadline is positive");
    is_int(clock_left_ms(now), 0, "a deadline of now leaves 0 ms");
    is_int(clock_left_ms(now - 5), 0, "a past deadline leaves 0 ms");
    is_int(clock_left_ms(INT64_MIN / 2), 0, "a deadline in the distant past leaves 0 ms");
    is_int(clock_left_ms(INT64_MAX), INT_MAX, "the time left is limited to INT_MAX");
}

int main(void)
{
    test_rfc3339();
    test_http();
    test_clocks();
    test_left();
    return done_testing();
}
