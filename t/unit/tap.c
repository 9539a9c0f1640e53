#include "t/unit/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int checks, failures;

/* TAP names are one line of printable characters. A hash would start a directive. */
static void print_name(const char *format, va_list arguments)
{
    char name[200];
    vsnprintf(name, sizeof name, format, arguments);
    for (const char *c = name; *c; c++)
        putchar((unsigned char)*c < 0x20 || *c == '#' ? '?' : *c);
}

static bool report(bool passed, const char *file, int line, const char *format, va_list arguments)
{
    checks++;
    failures += !passed;
    printf("%sok %d - ", passed ? "" : "not ", checks);
    print_name(format, arguments);
    putchar('\n');
    fflush(stdout);
    if (!passed)
        fprintf(stderr, "# check %d failed at %s:%d\n", checks, file, line);
    return passed;
}

static void print_text(const char *label, const char *text)
{
    fprintf(stderr, "# %s: ", label);
    if (!text) {
        fputs("NULL\n", stderr);
        return;
    }
    fputc('"', stderr);
    for (; *text; text++)
        fprintf(stderr, *text >= 0x20 && *text < 0x7f ? "%c" : "\\x%02x", (unsigned char)*text);
    fputs("\"\n", stderr);
}

bool tap_ok(const char *file, int line, const char *condition, bool passed, const char *name, ...)
{
    va_list arguments;
    va_start(arguments, name);
    report(passed, file, line, name, arguments);
    va_end(arguments);
    if (!passed)
        fprintf(stderr, "#      got: false\n# expected: %s\n", condition);
    return passed;
}

bool tap_int(const char *file, int line, long long got, long long expected, const char *name, ...)
{
    va_list arguments;
    va_start(arguments, name);
    bool passed = report(got == expected, file, line, name, arguments);
    va_end(arguments);
    if (!passed)
        fprintf(stderr, "#      got: %lld\n# expected: %lld\n", got, expected);
    return passed;
}

bool tap_text(const char *file, int line, const char *got, const char *expected, const char *name, ...)
{
    bool same = got && expected ? strcmp(got, expected) == 0 : got == expected;
    va_list arguments;
    va_start(arguments, name);
    report(same, file, line, name, arguments);
    va_end(arguments);
    if (!same) {
        print_text("     got", got);
        print_text("expected", expected);
    }
    return same;
}

int done_testing(void)
{
    printf("1..%d\n", checks);
    return checks > 0 && failures == 0 ? 0 : 1;
}
