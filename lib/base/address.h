/* Validation of IPv4 and IPv6 addresses in settings. */
#ifndef LIB_BASE_ADDRESS_H
#define LIB_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* True for an address, or a range in CIDR notation (RFC 4632) such as 10.0.0.0/8 or
 * fd00::/8. A range must have no bit set after its prefix. */
WARN_UNUSED bool address_is_range(const char *text, size_t length);

#endif
