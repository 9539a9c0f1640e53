/* Origins of web pages, as browsers write them (RFC 6454, section 6.2): a scheme, a host, and the port unless it is
 * the scheme's own. */
#ifndef LIB_BASE_ORIGIN_H
#define LIB_BASE_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* True when a browser could send the text, of http or https, letter for letter: in lower case, without a path or a
 * slash at its end, without a port that goes without saying. Neither * nor null is one. */
WARN_UNUSED bool origin_is_valid(const char *text, size_t length);

/* True when the origin's host and port are those of the Host header. */
WARN_UNUSED bool origin_is_of_host(const char *origin, const char *host);

#endif
