#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048 };

const char *const log_level_names[LOG_LEVEL_COUNT] = {"error", "warning", "info", "debug"};

static enum log_level threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
    threshold = level;
}

/* Formats a time to the second. Each thread caches the last one, since many lines share
 * it. */
static const char *format_second(time_t second)
{
    static _Thread_local time_t cached = -1;
    static _Thread_local char text[sizeof "2026-11-24T02:06:24"];
    if (second != cached) {
        struct tm utc;
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &utc));
        cached = second;
    }
    return text;
}

static size_t write_prefix(char *line, size_t size, enum log_level level, const char *event)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int length = snprintf(line, size, "%s.%03ldZ level=%s pid=%d event=%s ", format_second(now.tv_sec),
                          now.tv_nsec / 1000000, log_level_names[level], (int)getpid(), event);
    return length > 0 ? (size_t)length : 0;
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    if (level > threshold)
        return;
    int saved = errno;
    char line[LINE_MAX_BYTES];
    size_t used = write_prefix(line, sizeof line - 1, level, event);

    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + used, sizeof line - 1 - used, format, arguments);
    va_end(arguments);
    if (length > 0)
        used += (size_t)length < sizeof line - 1 - used ? (size_t)length : sizeof line - 2 - used;

    while (used > 0 && (line[used - 1] == '\n' || line[used - 1] == ' '))
        used--;
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written; /* a failure to log cannot be logged */
    errno = saved;
}
