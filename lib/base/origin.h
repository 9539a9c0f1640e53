/* Origins of web pages as browsers serialise them (RFC 6454, section 6.2): a scheme, a
 * host, and a port unless it is the scheme's default. */
#ifndef LIB_BASE_ORIGIN_H
#define LIB_BASE_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* True when the text is an http or https origin exactly as a browser sends it: in lower
 * case, without a path, a trailing slash or the scheme's default port. False for "*" and
 * "null". */
WARN_UNUSED bool origin_is_valid(const char *text, size_t length);

/* True when the origin's host and port equal the value of a Host header. */
WARN_UNUSED bool origin_matches_host(const char *origin, const char *host);

#endif
