/* Time: a clock that never jumps for waiting, and the calendar for what clients read. */
#ifndef LIB_BASE_CLOCK_H
#define LIB_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds and microseconds of CLOCK_MONOTONIC. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* Milliseconds from now until deadline_ms (of clock_ms), 0 when it has passed. */
int clock_left_ms(int64_t deadline_ms);

/* Milliseconds since 1970, UTC. */
int64_t clock_unix_ms(void);

enum { CLOCK_RFC3339_SIZE = 32, CLOCK_HTTP_SIZE = 32 };

/* Writes seconds since 1970 as RFC 3339 in UTC, 2026-11-24T02:06:24Z, and returns text. */
const char *clock_rfc3339(int64_t unix_seconds, char text[CLOCK_RFC3339_SIZE]);

/* The same as HTTP writes it (RFC 9110, section 5.6.7), Tue, 24 Nov 2026 02:06:24 GMT. */
const char *clock_http(int64_t unix_seconds, char text[CLOCK_HTTP_SIZE]);

#endif
