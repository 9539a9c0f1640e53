#include "lib/http/search.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/param.h"
#include "lib/base/text.h"

enum { WORDS_MAX = 200, BYTES_MAX = 4 * WORDS_MAX };

static const char *parse_words(struct arena *arena, const char *text, size_t length,
                               struct search_terms *search)
{
    char *decoded = arena_alloc(arena, length + 1);
    const char *words = decoded;
    size_t size;
    if (!param_percent_decode(text, length, true, decoded, &size) || !text_is_utf8(decoded, size))
        return "q is not percent-encoded UTF-8";
    if (size > BYTES_MAX || text_characters(decoded, size) > WORDS_MAX)
        return "q is longer than 200 characters";
    text_trim(&words, &size);
    if (size == 0)
        return "q is empty";
    if (text_has_control(words, size, false))
        return "q contains a control character";
    search->words = arena_copy(arena, words, size);
    return NULL;
}

const char *search_parse(struct arena *arena, const char *query, struct search_terms *search)
{
    static const char ready[] = "ready";
    const char *text;
    size_t length;
    *search = (struct search_terms){0};
    if (param_query(query, "state", &text, &length)) {
        if (length != sizeof ready - 1 || memcmp(text, ready, length) != 0)
            return "state must be ready";
        search->ready = true;
    }
    return param_query(query, "q", &text, &length) ? parse_words(arena, text, length, search) : NULL;
}

const char *search_pattern(struct arena *arena, const struct search_terms *search)
{
    char *pattern = arena_alloc(arena, 2 * strlen(search->words) + 3), *end = pattern;
    *end++ = '%';
    for (const char *c = search->words; *c; c++) {
        if (*c == '\\' || *c == '%' || *c == '_')
            *end++ = '\\';
        *end++ = *c;
    }
    *end++ = '%';
    *end = '\0';
    return pattern;
}

const char *search_filter_name(struct arena *arena, const struct search_terms *search)
{
    if (!search->words)
        return search->ready ? "ready" : "";
    size_t size = sizeof "ready =" + strlen(search->words);
    char *name = arena_alloc(arena, size);
    snprintf(name, size, "%s=%s", search->ready ? "ready " : "", search->words);
    return name;
}
