/* Addresses of IPv4 and IPv6, as a setting names them. */
#ifndef LIB_BASE_ADDRESS_H
#define LIB_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* True for an address, or a range of them in the notation of RFC 4632 (10.0.0.0/8, fd00::/8) whose address has
 * no bit set behind its prefix. */
WARN_UNUSED bool address_is_range(const char *text, size_t length);

#endif
