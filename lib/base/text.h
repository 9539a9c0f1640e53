/* Checks on text from outside: UTF-8 (RFC 3629), characters, white space.
 *
 * Nothing here allocates or logs. Lengths are in bytes unless a name says characters. */
#ifndef LIB_BASE_TEXT_H
#define LIB_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* True for valid UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
WARN_UNUSED bool text_is_utf8(const char *text, size_t length);

/* The number of code points in valid UTF-8. */
size_t text_characters(const char *text, size_t length);

/* Narrows *text and *length to exclude white space (Unicode White_Space) at both ends of
 * valid UTF-8. */
void text_trim(const char **text, size_t *length);

/* True when valid UTF-8 contains a control character (C0, DEL, C1). With multiline, tab,
 * line feed and carriage return are allowed. */
WARN_UNUSED bool text_has_control(const char *text, size_t length, bool multiline);

#endif
