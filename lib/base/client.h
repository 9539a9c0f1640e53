/* What tells one client from another. */
#ifndef LIB_BASE_CLIENT_H
#define LIB_BASE_CLIENT_H

#include <stdint.h>

/* A number for the client at that address: IPv4 as it is, IPv6 by its /64, which is one household. */
uint64_t client_from_address(const char *address);

/* A number for whoever has the session of that token, wherever they are. */
uint64_t client_from_session(const char *token);

/* A number for a user, however many sessions they have. */
uint64_t client_from_user(int64_t user_id);

#endif
