/* Strict parsers for text from outside.
 *
 * Each function returns true and sets its outputs, or returns false and leaves them
 * unchanged (param_percent_decode may already have written to out). Nothing here
 * allocates or logs, so all of it can be fuzzed. */
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

/* The length of a page: 1 to 100. */
WARN_UNUSED bool param_limit(const char *text, size_t length, int64_t *out);

enum { PARAM_UUID_SIZE = 37 };

/* A UUID in canonical form (RFC 9562, section 4), in upper or lower case. out gets lower
 * case. */
WARN_UNUSED bool param_uuid(const char *text, size_t length, char out[PARAM_UUID_SIZE]);

/* Decodes %XX (RFC 3986, section 2.1) into out, which must have room for length bytes.
 * With plus, a plus sign becomes a space, as in forms. Returns false for a % that is not
 * followed by two hex digits, and for %00. */
WARN_UNUSED bool param_percent_decode(const char *text, size_t length, bool plus, char *out,
                                      size_t *out_length);

/* Finds the first name=value in a query string. The value is not decoded and not
 * NUL-terminated. Returns false when the name is missing or has no equals sign. */
WARN_UNUSED bool param_query(const char *query, const char *name, const char **value, size_t *length);

/* Finds the first cookie with that name in a Cookie header (RFC 6265, section 4.2). The
 * value is not NUL-terminated. Returns false when there is none. */
WARN_UNUSED bool param_cookie(const char *header, const char *name, const char **value, size_t *length);

#endif
