/* Rejects the passwords that attackers try first. */
#ifndef FCGI_API_COMMON_PASSWORD_H
#define FCGI_API_COMMON_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* Generated from common_passwords.txt by the Makefile: lower case, ascending by bytes,
 * none shorter than the minimum length of a password. */
extern const char *const common_passwords[];
extern const size_t common_password_count;

/* True when the password is in the list, ignoring ASCII case. */
WARN_UNUSED bool common_password_matches(const char *password, size_t length);

#endif
