#include "lib/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/tap.h"

/* What a call of log_write writes. */
#define LOGGED(...) (capture_begin(STDERR_FILENO), log_write(__VA_ARGS__), capture_end())

static void test_line(void)
{
    int year, month, day, hour, minute, pid, end = 0;
    double second;
    const char *line = LOGGED(LOG_ERROR, "it_happened", "key=%d name=%s", 7, "x");
    int found = sscanf(line, "%4d-%2d-%2dT%2d:%2d:%6lfZ level=error pid=%d event=it_happened %n", &year,
                       &month, &day, &hour, &minute, &second, &pid, &end);
    is_int(found, 7, "a line has a time, a level, a pid and an event");
    ok(year > 2020 && second < 61, "of now");
    is_int(pid, getpid(), "of this process");
    is_text(line + end, "key=7 name=x\n", "and what there is to say");
    line = LOGGED(LOG_ERROR, "bare", "%s", "");
    is_text(strstr(line, "event"), "event=bare\n", "or nothing to say");
}

static void test_one_line(void)
{
    const char *line = LOGGED(LOG_ERROR, "e", "value=%s", "a\nlevel=error\r\tx\x1b[0m\x7f|");
    is_text(strstr(line, "value="), "value=a level=error  x [0m |\n", "control characters are spaces");
    line = LOGGED(LOG_ERROR, "e", "value=%s", "a\n \n");
    is_text(strstr(line, "value="), "value=a\n", "line ends at the end are none");
    line = LOGGED(LOG_ERROR, "e", "value=%s", bytes_repeat('x', 5000));
    is_int(strlen(line), 2047, "a line too long is cut off");
    ok(strchr(line, '\n') == line + strlen(line) - 1, "and still a line");
}

static void test_level(void)
{
    ok(*LOGGED(LOG_INFO, "e", "x"), "info is logged if nothing else is said");
    ok(!*LOGGED(LOG_DEBUG, "e", "x"), "debug isn't");
    log_set_level(LOG_ERROR);
    ok(!*LOGGED(LOG_WARNING, "e", "x"), "less severe lines aren't logged");
    ok(*LOGGED(LOG_ERROR, "e", "x"), "errors always are");
    log_set_level(LOG_DEBUG);
    ok(strstr(LOGGED(LOG_DEBUG, "e", "x"), "level=debug"), "debug when it is asked for");
    for (int level = 0; level < LOG_LEVEL_COUNT; level++)
        ok(log_level_names[level] != NULL, "level %d has a name", level);
}

static void test_errno(void)
{
    errno = ENOENT;
    log_write(LOG_DEBUG, "e", "x");
    is_int(errno, ENOENT, "errno stays what it was");
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
