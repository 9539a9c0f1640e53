#include "lib/http/page.h"

#include <stdio.h>
#include <string.h>

#include "lib/db/secret.h"
#include "t/unit/bytes.h"
#include "t/unit/tap.h"

#define UUID  "0f8fad5b-d9cb-469f-a165-70867728950e"
#define WRONG "cursor is not valid for this list"

static const unsigned char secret[SECRET_SIZE] = "a secret of 32 bytes, of a test";
static const struct cursor_list list = {secret, "/api/videos", ""};
static const struct cursor_list search = {secret, "/api/videos", "=x"};

static struct page page;

static const char *parse_page(const char *query, enum page_key key)
{
    return page_parse(&list, query, key, &page);
}

static void test_limit(void)
{
    static const char message[] = "limit must be a number from 1 to 100";
    static const char *const invalid[] = {
        "limit=0", "limit=101", "limit=", "limit=-1", "limit=1.0", "limit=x"};
    is_text(parse_page("", PAGE_BY_ID), NULL, "a query without parameters is valid");
    is_int(page.limit, 50, "the default limit is 50");
    ok(page.time_us > 4102444800000000 && page.id == INT64_MAX, "the first page by id starts after any row");
    is_text(parse_page("", PAGE_BY_UUID), NULL, "a query without parameters is valid for UUIDs");
    is_text(page.uuid, "ffffffff-ffff-ffff-ffff-ffffffffffff", "the first page by UUID starts after any row");
    is_text(parse_page("limit=1", PAGE_BY_ID), NULL, "limit=1 is valid");
    is_int(page.limit, 1, "the limit is 1");
    is_text(parse_page("q=x&limit=100", PAGE_BY_ID), NULL, "limit=100 is valid");
    is_int(page.limit, 100, "the limit is 100");
    for (size_t i = 0; i < COUNT_OF(invalid); i++)
        is_text(parse_page(invalid[i], PAGE_BY_ID), message, "%s is rejected", invalid[i]);
}

/* The query of the next page's link, when the page of the given query ends with the
 * row. */
static const char *link_query(const struct cursor_list *of, const char *query, int64_t time_us,
                              const char *id)
{
    static char linked[8192];
    struct page first;
    struct buffer out = {0};
    is_text(page_parse(of, query, PAGE_BY_ID, &first), NULL, "the query of the first page is valid");
    page_link(&out, &first, time_us, id);
    buffer_char(&out, '\0');
    if (sscanf(out.data, "Link: </api/videos?%8000[^>]>; rel=\"next\"\r\n", linked) != 1)
        linked[0] = '\0';
    buffer_free(&out);
    return linked;
}

static void test_round_trip(void)
{
    is_text(parse_page(link_query(&list, "limit=7", 1795485984123456, "42"), PAGE_BY_ID), NULL,
            "the link of a list by id is valid");
    is_int(page.limit, 7, "the link has the limit");
    is_int(page.time_us, 1795485984123456, "the link has the time");
    is_int(page.id, 42, "the link has the id");
    is_text(parse_page(link_query(&list, "", 0, "9223372036854775807"), PAGE_BY_ID), NULL,
            "a link with the extreme time and id is valid");
    is_int(page.limit, 50, "the link has the default limit");
    is_int(page.time_us, 0, "the link has the smallest time");
    is_int(page.id, INT64_MAX, "the link has the largest id");
    is_text(parse_page(link_query(&list, "", 1, UUID), PAGE_BY_UUID), NULL,
            "the link of a list by UUID is valid");
    is_int(page.time_us, 1, "the link by UUID has the time");
    is_text(page.uuid, UUID, "the link has the UUID");
}

static void test_wrong_cursors(void)
{
    const char *query = link_query(&list, "", 1, "42");
    is_text(page_parse(&search, query, PAGE_BY_ID, &page), WRONG, "a cursor of another list is rejected");
    is_text(parse_page(query, PAGE_BY_UUID), WRONG,
            "a cursor with an id is rejected where a UUID is expected");
    is_text(parse_page(link_query(&list, "", 1, UUID), PAGE_BY_ID), WRONG,
            "a cursor with a UUID is rejected where an id is expected");
    is_text(parse_page(link_query(&list, "", 1, "0"), PAGE_BY_ID), WRONG,
            "a cursor with the id 0 is rejected");
    is_text(parse_page("cursor=", PAGE_BY_ID), WRONG, "an empty cursor is rejected");
}

/* Checks the part of the link's query before limit=. */
static void is_repeated(const struct cursor_list *of, const char *query, const char *expected,
                        const char *name)
{
    const char *linked = link_query(of, query, 1, "2"), *limit = strstr(linked, "limit=");
    char before[8192];
    snprintf(before, sizeof before, "%.*s", (int)(limit ? limit - linked : 0), linked);
    is_text(before, expected, "%s", name);
}

static void test_other_parameters(void)
{
    char query[4000], kept[8192];
    is_repeated(&list, "limit=3", "", "the limit is not repeated");
    is_repeated(&list, "x=1&limit=3&y", "x=1&y&", "unknown parameters are repeated");
    is_repeated(&list, "limits=1&&=2&cursors", "limits=1&=2&cursors&",
                "parameters whose names resemble limit and cursor are repeated");
    is_repeated(&list, "limit&cursor", "", "limit and cursor without values are not repeated");
    is_repeated(&list, "x=<a b>\"\\^`{|}\xc3\xa9\r\n", "x=%3Ca%20b%3E%22%5C%5E%60%7B%7C%7D%C3%A9%0D%0A&",
                "characters that a URL must not contain are percent-encoded");
    is_repeated(&search, "a=1&q=x&q=y&b=2&state=ready", "q=x&state=ready&a=1&b=2&",
                "the filter comes first and is repeated once");
    is_repeated(&list, "a=1&q=x", "a=1&q=x&", "q is an unknown parameter in a list without a filter");
    snprintf(query, sizeof query, "a=1&x=%s&b=2", bytes_repeat('x', 600));
    is_repeated(&list, query, "a=1&b=2&", "an unknown parameter that is too long is left out");
    snprintf(query, sizeof query, "x=x&q=%s", bytes_repeat('%', 2400));
    snprintf(kept, sizeof kept, "q=%s&x=x&", query + strlen("x=x&q="));
    is_repeated(&search, query, kept, "a long filter is repeated");
    snprintf(query, sizeof query, "q=%s", bytes_repeat('"', 3000));
    is_repeated(&list, query, "", "a long q is left out in a list without a filter");
}

int main(void)
{
    test_limit();
    test_round_trip();
    test_wrong_cursors();
    test_other_parameters();
    return done_testing();
}
