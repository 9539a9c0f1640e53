#include "lib/base/client.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <string.h>

enum { IPV6_PREFIX_BYTES = 8, IPV4_MAPPED_BYTES = 12 };

/* The hash key of each kind, so that clients of different kinds do not collide. */
enum kind { IPV4, IPV6, SESSION, OTHER_ADDRESS, USER };

static uint64_t hash(enum kind kind, const void *bytes, size_t length)
{
    const unsigned char key[crypto_shorthash_KEYBYTES] = {(unsigned char)kind};
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t number;
    crypto_shorthash(out, bytes, length, key);
    memcpy(&number, out, sizeof number);
    return number;
}

uint64_t client_from_address(const char *address)
{
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (inet_pton(AF_INET, address, &ipv4) == 1)
        return hash(IPV4, &ipv4, sizeof ipv4);
    if (inet_pton(AF_INET6, address, &ipv6) != 1)
        return hash(OTHER_ADDRESS, address, strlen(address));
    if (IN6_IS_ADDR_V4MAPPED(&ipv6))
        return hash(IPV4, ipv6.s6_addr + IPV4_MAPPED_BYTES, sizeof ipv4);
    return hash(IPV6, &ipv6, IPV6_PREFIX_BYTES);
}

uint64_t client_from_session(const char *token)
{
    return hash(SESSION, token, strlen(token));
}

uint64_t client_from_user(int64_t user_id)
{
    return hash(USER, &user_id, sizeof user_id);
}
