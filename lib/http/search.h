/* What a list is narrowed to: `?q=`, words or any part of the text, and `?state=ready`. */
#ifndef LIB_HTTP_SEARCH_H
#define LIB_HTTP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/compiler.h"

struct search_terms {
    const char *words; /* UTF-8, 1 to 200 characters, trimmed; NULL: all videos */
    bool ready;        /* only what can be watched */
};

/* Reads q and state from a query string. Returns NULL when they are good, else what is wrong, for the client. */
WARN_UNUSED const char *search_parse(struct arena *arena, const char *query, struct search_terms *search);

/* The words anywhere in a text, as a pattern of ILIKE in which nothing of theirs is a wildcard. */
const char *search_pattern(struct arena *arena, const struct search_terms *search);

/* A text that is the same for the same searches only; "" when nothing is left out. */
const char *search_filter_name(struct arena *arena, const struct search_terms *search);

#endif
