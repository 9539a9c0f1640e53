/* Checks that print TAP, the Test Anything Protocol, for prove
 * (https://testanything.org).
 *
 * A test is a main() that makes checks and ends with `return done_testing();`. The name
 * of a check is a printf format. A failed check prints its location, the actual and the
 * expected value to standard error, and the test continues. Make checks only in the main
 * thread of the first process. */
#ifndef T_UNIT_TAP_H
#define T_UNIT_TAP_H

#include <stdbool.h>

#include "lib/base/compiler.h"

#define ok(condition, ...)          tap_ok(__FILE__, __LINE__, #condition, condition, __VA_ARGS__)
#define is_int(got, expected, ...)  tap_int(__FILE__, __LINE__, got, expected, __VA_ARGS__)
#define is_text(got, expected, ...) tap_text(__FILE__, __LINE__, got, expected, __VA_ARGS__)

/* Prints the plan. Returns the exit status: 0 when there was a check and all checks
 * passed. */
int done_testing(void);

/* The functions behind the macros. They return true when the check passed. Texts may be
 * NULL. */
PRINTF_LIKE(5, 6)
bool tap_ok(const char *file, int line, const char *condition, bool passed, const char *name, ...);
PRINTF_LIKE(5, 6)
bool tap_int(const char *file, int line, long long got, long long expected, const char *name, ...);
PRINTF_LIKE(5, 6)
bool tap_text(const char *file, int line, const char *got, const char *expected, const char *name, ...);

#endif
