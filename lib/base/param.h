/* Strict conversions of text that comes from outside.
 *
 * Each function takes the text with its length, returns true and sets *out, or returns false and leaves
 * *out alone. Nothing here allocates or logs, so all of it can be fuzzed as it stands. */
#ifndef LIB_BASE_PARAM_H
#define LIB_BASE_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"

/* A decimal number from 0 to max: digits only, no sign, no leading zero. */
WARN_UNUSED bool param_number(const char *text, size_t length, int64_t max, int64_t *out);

/* A decimal id: 1 to 2^63-1, digits only, no sign, no leading zero. */
WARN_UNUSED bool param_id(const char *text, size_t length, int64_t *out);

/* A page's length: 1 to 100. */
WARN_UNUSED bool param_limit(const char *text, size_t length, int64_t *out);

enum { PARAM_UUID_SIZE = 37 };

/* A UUID in its canonical form (RFC 9562, section 4), either case; *out is lower case. */
WARN_UNUSED bool param_uuid(const char *text, size_t length, char out[PARAM_UUID_SIZE]);

/* Decodes %XX (RFC 3986, section 2.1) from text into out, which has room for length bytes; with plus, a
 * plus sign is a space, as in forms. False for a % without two hex digits, and for %00. */
WARN_UNUSED bool param_percent_decode(const char *text, size_t length, bool plus, char *out,
                                      size_t *out_length);

/* The raw value of the first name=value in a query string; false when the name isn't there. */
WARN_UNUSED bool param_query(const char *query, const char *name, const char **value, size_t *length);

/* The value of the first cookie of that name in a Cookie header (RFC 6265, section 4.2). */
WARN_UNUSED bool param_cookie(const char *header, const char *name, const char **value, size_t *length);

#endif
