/* Text that comes from outside: UTF-8 as RFC 3629 defines it, its characters, its blanks.
 *
 * Nothing here allocates or logs. Lengths are bytes unless a name says characters. */
#ifndef LIB_BASE_TEXT_H
#define LIB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* True when the bytes are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
WARN_UNUSED bool text_is_utf8(const char *text, size_t length);

/* The number of code points in valid UTF-8. */
size_t text_characters(const char *text, size_t length);

/* Moves *text and *length inwards past white space (Unicode's White_Space) at both ends of valid UTF-8. */
void text_trim(const char **text, size_t *length);

/* True when valid UTF-8 has a control character (C0, DEL, C1). With lines, tab and line ends are none. */
WARN_UNUSED bool text_has_control(const char *text, size_t length, bool lines);

#endif
