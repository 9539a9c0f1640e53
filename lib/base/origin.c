#include "lib/base/origin.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/base/param.h"

enum { HOST_MAX = 253 };

static const struct scheme {
    const char *prefix;
    int64_t port;
} schemes[] = {{"http://", 80}, {"https://", 443}};

static const struct scheme *find_scheme(const char *text, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        size_t prefix = strlen(schemes[i].prefix);
        if (length > prefix && memcmp(text, schemes[i].prefix, prefix) == 0)
            return &schemes[i];
    }
    return NULL;
}

/* True for dot-separated labels of lower-case letters, digits, hyphens and, since names
 * outside the DNS may have them, underscores. */
static bool is_name(const char *host, size_t length)
{
    char last = '.';
    for (size_t i = 0; i < length; i++) {
        char c = host[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!good || (c == '.' && last == '.'))
            return false;
        last = c;
    }
    return last != '.' && length <= HOST_MAX;
}

/* True for an IPv6 address in brackets, in the canonical form that browsers send. */
static bool is_ipv6(const char *host, size_t length)
{
    char given[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (length < 2 || host[0] != '[' || host[length - 1] != ']' || length - 2 >= sizeof given)
        return false;
    memcpy(given, host + 1, length - 2);
    given[length - 2] = '\0';
    return inet_pton(AF_INET6, given, &address) == 1 &&
           inet_ntop(AF_INET6, &address, canonical, sizeof canonical) && strcmp(given, canonical) == 0;
}

/* The length of the host, without the port. */
static size_t host_length(const char *host, size_t length)
{
    const char *bracket = memchr(host, ']', length);
    size_t start = bracket ? (size_t)(bracket - host) : 0;
    const char *colon = memchr(host + start, ':', length - start);
    return colon ? (size_t)(colon - host) : length;
}

bool origin_is_valid(const char *text, size_t length)
{
    const struct scheme *scheme = find_scheme(text, length);
    if (!scheme)
        return false;
    const char *host = text + strlen(scheme->prefix);
    size_t rest = length - strlen(scheme->prefix), host_end = host_length(host, rest);
    if (!is_name(host, host_end) && !is_ipv6(host, host_end))
        return false;
    int64_t port = 0;
    return host_end == rest || (param_number(host + host_end + 1, rest - host_end - 1, 65535, &port) &&
                                port > 0 && port != scheme->port);
}

bool origin_matches_host(const char *origin, const char *host)
{
    const char *scheme_end = strstr(origin, "://");
    return scheme_end && strcasecmp(scheme_end + 3, host) == 0;
}
