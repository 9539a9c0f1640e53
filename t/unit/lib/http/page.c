#include "lib/http/page.h"

#include <stdio.h>
#include <string.h>

#include "lib/db/secret.h"
#include "t/unit/bytes.h"
#include "t/unit/tap.h"

#define UUID  "0f8fad5b-d9cb-469f-a165-70867728950e"
#define WRONG "cursor is not one that this server gave out"

static const unsigned char secret[SECRET_SIZE] = "a secret of 32 bytes, of a test";
static const struct cursor_list list = {secret, "/api/videos", ""};
static const struct cursor_list search = {secret, "/api/videos", "=x"};

static struct page page;

static const char *read_page(const char *query, enum page_key key)
{
    return page_parse(&list, query, key, &page);
}

static void test_limit(void)
{
    static const char wrong[] = "limit is not a number from 1 to 100";
    static const char *const refused[] = {
        "limit=0", "limit=101", "limit=", "limit=-1", "limit=1.0", "limit=x"};
    is_text(read_page("", PAGE_BY_ID), NULL, "without parameters");
    is_int(page.limit, 50, "a page has 50 rows");
    ok(page.time_us > 4102444800000000 && page.id == INT64_MAX, "and begins later than any row");
    is_text(read_page("", PAGE_BY_UUID), NULL, "the same by UUID");
    is_text(page.uuid, "ffffffff-ffff-ffff-ffff-ffffffffffff", "begins later than any row");
    is_text(read_page("limit=1", PAGE_BY_ID), NULL, "the least");
    is_int(page.limit, 1, "is 1");
    is_text(read_page("q=x&limit=100", PAGE_BY_ID), NULL, "the most");
    is_int(page.limit, 100, "is 100");
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        is_text(read_page(refused[i], PAGE_BY_ID), wrong, "%s", refused[i]);
}

/* The query of the link that follows that row on the page that the query is of. */
static const char *link_query(const struct cursor_list *of, const char *query, int64_t time_us,
                              const char *id)
{
    static char linked[8192];
    struct page first;
    struct buffer out = {0};
    is_text(page_parse(of, query, PAGE_BY_ID, &first), NULL, "a page");
    page_link(&out, &first, time_us, id);
    buffer_char(&out, '\0');
    if (sscanf(out.data, "Link: </api/videos?%8000[^>]>; rel=\"next\"\r\n", linked) != 1)
        linked[0] = '\0';
    buffer_free(&out);
    return linked;
}

static void test_round_trip(void)
{
    is_text(read_page(link_query(&list, "limit=7", 1795485984123456, "42"), PAGE_BY_ID), NULL,
            "a link by id");
    is_int(page.limit, 7, "keeps the limit");
    is_int(page.time_us, 1795485984123456, "the time");
    is_int(page.id, 42, "and the id");
    is_text(read_page(link_query(&list, "", 0, "9223372036854775807"), PAGE_BY_ID), NULL, "at the bounds");
    is_int(page.limit, 50, "the limit");
    is_int(page.time_us, 0, "the time");
    is_int(page.id, INT64_MAX, "the id");
    is_text(read_page(link_query(&list, "", 1, UUID), PAGE_BY_UUID), NULL, "a link by UUID");
    is_int(page.time_us, 1, "keeps the time");
    is_text(page.uuid, UUID, "and the UUID");
}

static void test_wrong_cursors(void)
{
    const char *query = link_query(&list, "", 1, "42");
    is_text(page_parse(&search, query, PAGE_BY_ID, &page), WRONG, "a cursor of another list");
    is_text(read_page(query, PAGE_BY_UUID), WRONG, "an id in place of a UUID");
    is_text(read_page(link_query(&list, "", 1, UUID), PAGE_BY_ID), WRONG, "a UUID in place of an id");
    is_text(read_page(link_query(&list, "", 1, "0"), PAGE_BY_ID), WRONG, "what is no id");
    is_text(read_page("cursor=", PAGE_BY_ID), WRONG, "none");
}

/* What of a query stands in the link, in front of the limit. */
static void is_kept(const struct cursor_list *of, const char *query, const char *kept, const char *name)
{
    const char *linked = link_query(of, query, 1, "2"), *limit = strstr(linked, "limit=");
    char before[8192];
    snprintf(before, sizeof before, "%.*s", (int)(limit ? limit - linked : 0), linked);
    is_text(before, kept, "%s", name);
}

static void test_other_parameters(void)
{
    char query[4000], kept[8192];
    is_kept(&list, "limit=3", "", "the limit comes once");
    is_kept(&list, "x=1&limit=3&y", "x=1&y&", "other parameters are kept");
    is_kept(&list, "limits=1&&=2&cursors", "limits=1&=2&cursors&", "whatever they look like");
    is_kept(&list, "limit&cursor", "", "but not the page's own");
    is_kept(&list, "x=<a b>\"\\^`{|}\xc3\xa9\r\n", "x=%3Ca%20b%3E%22%5C%5E%60%7B%7C%7D%C3%A9%0D%0A&",
            "what may not stand in an address is encoded");
    is_kept(&search, "a=1&q=x&q=y&b=2&state=ready", "q=x&state=ready&a=1&b=2&",
            "the search comes first, once");
    is_kept(&list, "a=1&q=x", "a=1&q=x&", "where there is one");
    snprintf(query, sizeof query, "a=1&x=%s&b=2", bytes_repeat('x', 600));
    is_kept(&list, query, "a=1&b=2&", "what is too long is left out");
    snprintf(query, sizeof query, "x=x&q=%s", bytes_repeat('%', 2400));
    snprintf(kept, sizeof kept, "q=%s&x=x&", query + strlen("x=x&q="));
    is_kept(&search, query, kept, "but never the search");
    snprintf(query, sizeof query, "q=%s", bytes_repeat('"', 3000));
    is_kept(&list, query, "", "which is nothing in another list");
}

int main(void)
{
    test_limit();
    test_round_trip();
    test_wrong_cursors();
    test_other_parameters();
    return done_testing();
}
