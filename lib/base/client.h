/* Numbers that identify clients, for limits per client and for the views of a video.
 *
 * A number is a 64-bit hash. Addresses, sessions and users are hashed with different
 * keys, so a session token that looks like an address is still a different client. */
#ifndef LIB_BASE_CLIENT_H
#define LIB_BASE_CLIENT_H

#include <stdint.h>

/* The client at an address. All addresses of an IPv6 /64 are one client, since a
 * household usually has a /64. An IPv4-mapped IPv6 address is the IPv4 client. Any other
 * text, such as "unix:", is hashed as it is. */
uint64_t client_from_address(const char *address);

/* The client that has a session, whatever its address. */
uint64_t client_from_session(const char *token);

/* A user: the same number for all of the user's sessions. */
uint64_t client_from_user(int64_t user_id);

#endif
