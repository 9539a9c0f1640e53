#include "lib/http/search.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

static struct arena *arena;
static struct search_terms search;

/* The error message for a query. */
static const char *parse_query(const char *query)
{
    arena_reset(arena);
    return search_parse(arena, query, &search);
}

static void test_words(void)
{
    static const struct {
        const char *query, *words;
    } rows[] = {
        {"q=bunny", "bunny"},
        {"limit=3&q=big+buck%20bunny", "big buck bunny"},
        {"q=+bunny%09", "bunny"},
        {"q=100%25", "100%"},
        {"q=a&q=b", "a"},
        {"q=%E5%A4%A7%e5%85%94", "\xe5\xa4\xa7\xe5\x85\x94"},
        {"q=\xe5\xa4\xa7", "\xe5\xa4\xa7"},
        {"q=a=b", "a=b"},
        {"q=%27%3B--", "';--"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        is_text(parse_query(rows[i].query), NULL, "%s is valid", rows[i].query);
        is_text(search.words, rows[i].words, "the words are %s", rows[i].words);
    }
    is_text(parse_query("x=q&qq=1"), NULL, "a query without q is valid");
    is_text(search.words, NULL, "without q there are no words");
}

static void test_bounds(void)
{
    static const char bad_encoding[] = "q is not percent-encoded UTF-8";
    static const char too_long[] = "q is longer than 200 characters";
    static const struct {
        const char *query, *error;
    } rows[] = {
        {"q=", "q is empty"},
        {"q=+%20%E3%80%80", "q is empty"},
        {"q=%", bad_encoding},
        {"q=%zz", bad_encoding},
        {"q=%00", bad_encoding},
        {"q=%ff", bad_encoding},
        {"q=\xc0\x80", bad_encoding},
        {"q=a%0Ab", "q contains a control character"},
        {"q=%7f", "q contains a control character"},
    };
    char query[1000];
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_text(parse_query(rows[i].query), rows[i].error, "%s is rejected", rows[i].query);
    snprintf(query, sizeof query, "q=%s", bytes_repeat('x', 200));
    is_text(parse_query(query), NULL, "200 characters are valid");
    snprintf(query, sizeof query, "q=%s", bytes_repeat('x', 201));
    is_text(parse_query(query), too_long, "201 characters are rejected");
    snprintf(query, sizeof query, "q=%sx", bytes_repeat('+', 900));
    is_text(parse_query(query), too_long, "blanks count for the maximum length");
}

static void test_state(void)
{
    static const char wrong[] = "state must be ready";
    static const char *const invalid[] = {"state=", "state=created", "state=READY", "state=ready1",
                                          "state=read"};
    is_text(parse_query("state=ready"), NULL, "state=ready is valid");
    ok(search.ready, "state=ready selects ready videos");
    is_text(parse_query("q=state"), NULL, "a query without state is valid");
    ok(!search.ready, "without state all videos are selected");
    for (size_t i = 0; i < COUNT_OF(invalid); i++)
        is_text(parse_query(invalid[i]), wrong, "%s is rejected", invalid[i]);
}

static void test_pattern(void)
{
    static const struct {
        const char *words, *pattern;
    } rows[] = {
        {"bunny", "%bunny%"}, {"100%", "%100\\%%"},         {"_", "%\\_%"},
        {"\\", "%\\\\%"},     {"a\\%_b", "%a\\\\\\%\\_b%"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct search_terms search_words = {.words = rows[i].words};
        is_text(search_pattern(arena, &search_words), rows[i].pattern, "the pattern for %s is escaped",
                rows[i].words);
    }
}

static void test_name(void)
{
    static const struct search_terms searches[] = {
        {NULL, false},    {NULL, true},    {"x", false},        {"x", true},
        {"ready", false}, {"ready", true}, {"ready =x", false},
    };
    is_text(search_filter_name(arena, &searches[0]), "", "no filter has an empty name");
    for (size_t i = 0; i < COUNT_OF(searches); i++)
        for (size_t j = 0; j < i; j++)
            ok(strcmp(search_filter_name(arena, &searches[i]), search_filter_name(arena, &searches[j])) != 0,
               "the filters %zu and %zu have different names", i, j);
}

int main(void)
{
    arena = arena_create();
    test_words();
    test_bounds();
    test_state();
    test_pattern();
    test_name();
    arena_destroy(arena);
    return done_testing();
}
