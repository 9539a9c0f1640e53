#include "lib/base/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/param.h"

/* True when every bit after the prefix is 0. */
static bool has_no_host_bits(const unsigned char *bytes, size_t size, int64_t prefix)
{
    for (int64_t bit = prefix; bit < (int64_t)size * 8; bit++)
        if (bytes[bit / 8] & 0x80 >> bit % 8)
            return false;
    return true;
}

bool address_is_range(const char *text, size_t length)
{
    static const struct {
        int family;
        size_t size;
    } families[] = {{AF_INET, sizeof(struct in_addr)}, {AF_INET6, sizeof(struct in6_addr)}};
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    const char *slash = memchr(text, '/', length);
    size_t address_length = slash ? (size_t)(slash - text) : length;
    if (address_length >= sizeof address)
        return false;
    memcpy(address, text, address_length);
    address[address_length] = '\0';
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        int64_t prefix = (int64_t)families[i].size * 8;
        if (inet_pton(families[i].family, address, bytes) != 1)
            continue;
        if (slash && !param_number(slash + 1, length - address_length - 1, prefix, &prefix))
            return false;
        return has_no_host_bits(bytes, families[i].size, prefix);
    }
    return false;
}
