/* The filter of a list: `?q=` searches for text, `?state=ready` selects videos that can
 * be watched. */
#ifndef LIB_HTTP_SEARCH_H
#define LIB_HTTP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/compiler.h"

struct search_terms {
    const char *words; /* UTF-8, 1 to 200 characters, trimmed; NULL: no search */
    bool ready;        /* only videos that can be watched */
};

/* Parses q and state from a query string. Returns NULL when they are valid, else a
 * message for the client. */
WARN_UNUSED const char *search_parse(struct arena *arena, const char *query, struct search_terms *search);

/* An ILIKE pattern that finds the words anywhere in a text. Wildcards in the words are
 * escaped. search->words must not be NULL. */
const char *search_pattern(struct arena *arena, const struct search_terms *search);

/* A text that identifies the filter: different filters have different texts. "" without a
 * filter. */
const char *search_filter_name(struct arena *arena, const struct search_terms *search);

#endif
