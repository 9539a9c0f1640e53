#include "lib/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/tap.h"

/* The line that a call of log_write writes. */
#define LOGGED(...) (capture_begin(STDERR_FILENO), log_write(__VA_ARGS__), capture_end())

static void test_line(void)
{
    int year, month, day, hour, minute, pid, end = 0;
    double second;
    const char *line = LOGGED(LOG_ERROR, "test_event", "key=%d name=%s", 7, "x");
    int found = sscanf(line, "%4d-%2d-%2dT%2d:%2d:%6lfZ level=error pid=%d event=test_event %n", &year,
                       &month, &day, &hour, &minute, &second, &pid, &end);
    is_int(found, 7, "a line starts with time, level, pid and event");
    ok(year > 2020 && second < 61, "the time is a current time");
    is_int(pid, getpid(), "the pid is that of this process");
    is_text(line + end, "key=7 name=x\n", "the caller's key=value pairs follow");
    line = LOGGED(LOG_ERROR, "bare", "%s", "");
    is_text(strstr(line, "event"), "event=bare\n", "an event without pairs ends after its name");
}

static void test_one_line(void)
{
    const char *line = LOGGED(LOG_ERROR, "e", "value=%s", "a\nlevel=error\r\tx\x1b[0m\x7f|");
    is_text(strstr(line, "value="), "value=a level=error  x [0m |\n", "control characters become spaces");
    line = LOGGED(LOG_ERROR, "e", "value=%s", "a\n \n");
    is_text(strstr(line, "value="), "value=a\n", "trailing line ends and spaces are removed");
    line = LOGGED(LOG_ERROR, "e", "value=%s", bytes_repeat('x', 5000));
    is_int(strlen(line), 2047, "a line that is too long is cut off");
    ok(strchr(line, '\n') == line + strlen(line) - 1, "a line that was cut off ends in its only newline");
}

static void test_level(void)
{
    ok(*LOGGED(LOG_INFO, "e", "x"), "info is logged by default");
    ok(!*LOGGED(LOG_DEBUG, "e", "x"), "debug is not logged by default");
    log_set_level(LOG_ERROR);
    ok(!*LOGGED(LOG_WARNING, "e", "x"), "a warning is not logged at level error");
    ok(*LOGGED(LOG_ERROR, "e", "x"), "an error is logged at level error");
    log_set_level(LOG_DEBUG);
    ok(strstr(LOGGED(LOG_DEBUG, "e", "x"), "level=debug"), "debug is logged at level debug");
    for (int level = 0; level < LOG_LEVEL_COUNT; level++)
        ok(log_level_names[level] != NULL, "level %d has a name", level);
}

static void test_errno(void)
{
    errno = ENOENT;
    log_write(LOG_DEBUG, "e", "x");
    is_int(errno, ENOENT, "log_write preserves errno");
}

int main(void)
{
    test_line();
    test_one_line();
    test_level();
    log_set_level(LOG_INFO);
    test_errno();
    return done_testing();
}
