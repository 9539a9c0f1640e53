#include "lib/http/search.h"

#include <stdio.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

static struct arena *arena;
static struct search_terms search;

/* What is wrong with that query. */
static const char *read_query(const char *query)
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
        is_text(read_query(rows[i].query), NULL, "%s", rows[i].query);
        is_text(search.words, rows[i].words, "is %s", rows[i].words);
    }
    is_text(read_query("x=q&qq=1"), NULL, "without q");
    is_text(search.words, NULL, "all are wanted");
}

static void test_bounds(void)
{
    static const char encoding[] = "q is not UTF-8 text in percent-encoding";
    static const char long_words[] = "q is longer than 200 characters";
    static const struct {
        const char *query, *wrong;
    } rows[] = {
        {"q=", "q is empty"},
        {"q=+%20%E3%80%80", "q is empty"},
        {"q=%", encoding},
        {"q=%zz", encoding},
        {"q=%00", encoding},
        {"q=%ff", encoding},
        {"q=\xc0\x80", encoding},
        {"q=a%0Ab", "q has a control character"},
        {"q=%7f", "q has a control character"},
    };
    char query[1000];
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_text(read_query(rows[i].query), rows[i].wrong, "%s", rows[i].query);
    snprintf(query, sizeof query, "q=%s", bytes_repeat('x', 200));
    is_text(read_query(query), NULL, "200 characters");
    snprintf(query, sizeof query, "q=%s", bytes_repeat('x', 201));
    is_text(read_query(query), long_words, "201");
    snprintf(query, sizeof query, "q=%sx", bytes_repeat('+', 900));
    is_text(read_query(query), long_words, "blanks count, too");
}

static void test_state(void)
{
    static const char wrong[] = "state can only be ready";
    static const char *const refused[] = {"state=", "state=created", "state=READY", "state=ready1",
                                          "state=read"};
    is_text(read_query("state=ready"), NULL, "what is ready");
    ok(search.ready, "alone is wanted");
    is_text(read_query("q=state"), NULL, "without state");
    ok(!search.ready, "all are wanted");
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        is_text(read_query(refused[i]), wrong, "%s", refused[i]);
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
        const struct search_terms given = {.words = rows[i].words};
        is_text(search_pattern(arena, &given), rows[i].pattern, "%s anywhere", rows[i].words);
    }
}

static void test_name(void)
{
    static const struct search_terms searches[] = {
        {NULL, false},    {NULL, true},    {"x", false},        {"x", true},
        {"ready", false}, {"ready", true}, {"ready =x", false},
    };
    is_text(search_filter_name(arena, &searches[0]), "", "no search has no name");
    for (size_t i = 0; i < COUNT_OF(searches); i++)
        for (size_t j = 0; j < i; j++)
            ok(strcmp(search_filter_name(arena, &searches[i]), search_filter_name(arena, &searches[j])) != 0,
               "%zu and %zu have different names", i, j);
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
