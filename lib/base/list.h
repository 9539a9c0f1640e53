/* A setting that is several words, with spaces or commas between them. */
#ifndef LIB_BASE_LIST_H
#define LIB_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/compiler.h"

/* Whether a word may be in the list. It has no NUL behind it. */
typedef bool list_item_check(const char *item, size_t length);

/* The next word, from *list on, which then points behind it; false when there is none. */
WARN_UNUSED bool list_next(const char **list, const char **item, size_t *length);

/* True when all words are good, or there are none. */
WARN_UNUSED bool list_check(const char *list, list_item_check *is_good);

/* True when the text is one of the words, letter for letter. */
WARN_UNUSED bool list_has(const char *list, const char *text);

#endif
