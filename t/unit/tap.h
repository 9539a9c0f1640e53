/* Checks that speak TAP, the protocol that prove reads (https://testanything.org).
 *
 * A test is a main() that makes its checks and ends with `return done_testing();`. Each check takes a printf
 * format that names it. A failed one says on standard error where it stands, what it got and what it
 * expected, and the test goes on. Checks belong into the main thread of the first process. */
#ifndef T_UNIT_TAP_H
#define T_UNIT_TAP_H

#include <stdbool.h>

#include "lib/base/compiler.h"

#define ok(condition, ...)          tap_ok(__FILE__, __LINE__, #condition, condition, __VA_ARGS__)
#define is_int(got, expected, ...)  tap_int(__FILE__, __LINE__, got, expected, __VA_ARGS__)
#define is_text(got, expected, ...) tap_text(__FILE__, __LINE__, got, expected, __VA_ARGS__)

/* Prints the plan. Returns the exit status: 0 when there were checks and all of them passed. */
int done_testing(void);

/* What the macros call; true when the check passed. Texts may be NULL. */
PRINTF_LIKE(5, 6)
bool tap_ok(const char *file, int line, const char *condition, bool passed, const char *name, ...);
PRINTF_LIKE(5, 6)
bool tap_int(const char *file, int line, long long got, long long expected, const char *name, ...);
PRINTF_LIKE(5, 6)
bool tap_text(const char *file, int line, const char *got, const char *expected, const char *name, ...);

#endif
