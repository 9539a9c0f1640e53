#include "client.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <string.h>

enum { IPV6_HOUSEHOLD_BYTES = 8 };

uint64_t client_of_address(const char *address)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES];
    unsigned char hash[crypto_shorthash_BYTES];
    unsigned char ipv6[16];
    if (inet_pton(AF_INET6, address, ipv6) == 1)
        crypto_shorthash(hash, ipv6, IPV6_HOUSEHOLD_BYTES, key);
    else
        crypto_shorthash(hash, (const unsigned char *)address, strlen(address), key);
    uint64_t number;
    memcpy(&number, hash, sizeof number);
    return number;
}
