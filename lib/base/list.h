/* Settings that are lists: words separated by spaces, tabs or commas. */
#ifndef LIB_BASE_LIST_H
#define LIB_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* True when a word is allowed in the list. The word is not NUL-terminated. */
typedef bool list_item_check(const char *item, size_t length);

/* Finds the next word from *list on and moves *list behind it. Returns false at the
 * end. */
WARN_UNUSED bool list_next(const char **list, const char **item, size_t *length);

/* True when is_valid is true for every word. An empty list passes. */
WARN_UNUSED bool list_check(const char *list, list_item_check *is_valid);

/* True when text is one of the words. Case matters. */
WARN_UNUSED bool list_has(const char *list, const char *text);

#endif
