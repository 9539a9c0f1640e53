#include "lib/base/clock.h"

#include <limits.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

int clock_left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - clock_ms();
    if (left <= 0)
        return 0;
    return left < INT_MAX ? (int)left : INT_MAX;
}

int64_t clock_unix_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

static const char *write_utc(int64_t unix_seconds, const char *format, char *text, size_t size)
{
    time_t seconds = (time_t)unix_seconds;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, size, format, &utc);
    return text;
}

const char *clock_rfc3339(int64_t unix_seconds, char text[CLOCK_RFC3339_SIZE])
{
    return write_utc(unix_seconds, "%Y-%m-%dT%H:%M:%SZ", text, CLOCK_RFC3339_SIZE);
}

const char *clock_http(int64_t unix_seconds, char text[CLOCK_HTTP_SIZE])
{
    return write_utc(unix_seconds, "%a, %d %b %Y %H:%M:%S GMT", text, CLOCK_HTTP_SIZE);
}
