/* Clocks: monotonic time for deadlines and durations, calendar time for what clients
 * read. */
#ifndef LIB_BASE_CLOCK_H
#define LIB_BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds and in microseconds. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* Milliseconds left until deadline_ms (a value of clock_ms): 0 when the deadline has
 * passed, at most INT_MAX. */
int clock_left_ms(int64_t deadline_ms);

/* Milliseconds since 1970, UTC. */
int64_t clock_unix_ms(void);

enum { CLOCK_RFC3339_SIZE = 32, CLOCK_HTTP_SIZE = 32 };

/* Formats seconds since 1970 as RFC 3339 in UTC (2026-11-24T02:06:24Z). Returns text. */
const char *clock_rfc3339(int64_t unix_seconds, char text[CLOCK_RFC3339_SIZE]);

/* Formats seconds since 1970 as an HTTP date (RFC 9110, section 5.6.7), such as
 * Tue, 24 Nov 2026 02:06:24 GMT. Returns text. */
const char *clock_http(int64_t unix_seconds, char text[CLOCK_HTTP_SIZE]);

#endif
