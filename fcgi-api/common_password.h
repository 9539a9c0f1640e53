/* The passwords that are tried first: an account that has one of them is as good as open. */
#ifndef FCGI_API_COMMON_PASSWORD_H
#define FCGI_API_COMMON_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* Made from common_passwords.txt by the Makefile: in small letters, ascending, none shorter than a password may
 * be. */
extern const char *const common_passwords[];
extern const size_t common_password_count;

/* True when the password is one of them, in small letters or capitals. */
WARN_UNUSED bool common_password(const char *password, size_t length);

#endif
