#include "page.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "tap.h"

#define UUID  "0f8fad5b-d9cb-469f-a165-70867728950e"
#define WRONG "cursor is not one that this server gave out"

static void test_limit(void)
{
    static const char wrong[] = "limit is not a number from 1 to 100";
    static const char *const refused[] = {
        "limit=0", "limit=101", "limit=", "limit=-1", "limit=1.0", "limit=x"};
    struct page page;
    is_text(page_read("", PAGE_BY_ID, &page), NULL, "without parameters");
    is_int(page.limit, 50, "a page has 50 rows");
    ok(page.time_us > 4102444800000000 && page.id == INT64_MAX, "and begins later than any row");
    is_text(page_read("", PAGE_BY_UUID, &page), NULL, "the same by UUID");
    is_text(page.uuid, "ffffffff-ffff-ffff-ffff-ffffffffffff", "begins later than any row");
    is_text(page_read("limit=1", PAGE_BY_ID, &page), NULL, "the least");
    is_int(page.limit, 1, "is 1");
    is_text(page_read("q=x&limit=100", PAGE_BY_ID, &page), NULL, "the most");
    is_int(page.limit, 100, "is 100");
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        is_text(page_read(refused[i], PAGE_BY_ID, &page), wrong, "%s", refused[i]);
}

/* The query of the link to the page behind that row. */
static const char *link_query(int64_t time_us, const char *id, int64_t limit)
{
    static char query[256];
    struct buffer out = {0};
    const struct page page = {.limit = limit};
    page_link(&out, "/api/videos", &page, time_us, id);
    buffer_char(&out, '\0');
    if (sscanf(out.data, "Link: </api/videos?%200[^>]>; rel=\"next\"\r\n", query) != 1)
        query[0] = '\0';
    buffer_free(&out);
    return query;
}

static void test_round_trip(void)
{
    struct page page;
    is_text(page_read(link_query(1795485984123456, "42", 7), PAGE_BY_ID, &page), NULL, "a link by id");
    is_int(page.limit, 7, "keeps the limit");
    is_int(page.time_us, 1795485984123456, "the time");
    is_int(page.id, 42, "and the id");
    is_text(page_read(link_query(0, "9223372036854775807", 100), PAGE_BY_ID, &page), NULL, "at the bounds");
    is_int(page.time_us, 0, "the time");
    is_int(page.id, INT64_MAX, "the id");
    is_text(page_read(link_query(1, UUID, 50), PAGE_BY_UUID, &page), NULL, "a link by UUID");
    is_int(page.time_us, 1, "keeps the time");
    is_text(page.uuid, UUID, "and the UUID");
}

static void test_header(void)
{
    struct buffer out = {0};
    const struct page page = {.limit = 3};
    buffer_text(&out, "X: y\r\n");
    page_link(&out, "/api/users/5/videos", &page, 1, "2");
    buffer_char(&out, '\0');
    is_text(out.data, "X: y\r\nLink: </api/users/5/videos?limit=3&cursor=MSAy>; rel=\"next\"\r\n",
            "the header, behind what was there");
    buffer_free(&out);
}

static void test_truncated(void)
{
    struct page page;
    char query[256];
    const char *whole = link_query(1795485984123456, UUID, 50);
    size_t begin = (size_t)(strstr(whole, "cursor=") + strlen("cursor=") - whole);
    bool refused = true;
    for (size_t length = begin; length < strlen(whole); length++) {
        snprintf(query, sizeof query, "%.*s", (int)length, whole);
        refused = refused && page_read(query, PAGE_BY_UUID, &page) != NULL;
    }
    ok(refused, "a cursor that is cut off anywhere");
    snprintf(query, sizeof query, "%sA", whole);
    is_text(page_read(query, PAGE_BY_UUID, &page), WRONG, "a cursor with something behind it");
}

/* Whether a cursor of that content, well encoded, is taken. */
static const char *read_forged(const char *content, size_t length, enum page_key key)
{
    struct page page;
    char encoded[256], query[300];
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)content, length,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(query, sizeof query, "cursor=%s", encoded);
    return page_read(query, key, &page);
}

static void test_forged(void)
{
    static const struct {
        const char *content;
        size_t length;
    } rows[] = {
        {BYTES("")},
        {BYTES(" ")},
        {BYTES("1")},
        {BYTES("1 ")},
        {BYTES(" 1")},
        {BYTES("1 0")},
        {BYTES("1 -1")},
        {BYTES("-1 1")},
        {BYTES("01 1")},
        {BYTES("1 01")},
        {BYTES("1  1")},
        {BYTES("1 1 ")},
        {BYTES("1 1\n")},
        {BYTES("1 1\0")},
        {BYTES("1 1\0002")},
        {BYTES("\0001 1")},
        {BYTES("1 1;DROP TABLE videos")},
        {BYTES("1 9223372036854775808")},
        {BYTES("253402300800000000 1")}, /* the year 10000 */
        {BYTES("9223372036854775808 1")},
        {BYTES("1 " UUID)}, /* of the other kind */
    };
    is_text(read_forged(BYTES("1 1"), PAGE_BY_ID), NULL, "a cursor as it should be");
    is_text(read_forged(BYTES("253402300799000000 1"), PAGE_BY_ID), NULL, "at the end of time");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_text(read_forged(rows[i].content, rows[i].length, PAGE_BY_ID), WRONG, "forged: \"%s\"",
                rows[i].content);
    is_text(read_forged(BYTES("1 1"), PAGE_BY_UUID), WRONG, "an id in place of a UUID");
    is_text(read_forged(bytes_repeat('1', 64), 64, PAGE_BY_ID), WRONG, "as long as it may be");
    is_text(read_forged(bytes_repeat('1', 65), 65, PAGE_BY_ID), WRONG, "longer");
    is_text(read_forged(bytes_repeat('1', 180), 180, PAGE_BY_ID), WRONG, "much longer");
}

static void test_encoding(void)
{
    static const char *const queries[] = {
        "cursor=",     "cursor=%",    "cursor=M",    "cursor=MSAx=", "cursor=MSA",
        "cursor=MSA+", "cursor=MS x", "cursor=MSB_", "cursor=MSAy!", "cursor=%4dSAy",
    };
    struct page page;
    is_text(page_read("cursor=MSAy", PAGE_BY_ID, &page), NULL, "base64url");
    is_int(page.id, 2, "is read");
    for (size_t i = 0; i < COUNT_OF(queries); i++)
        is_text(page_read(queries[i], PAGE_BY_ID, &page), WRONG, "%s", queries[i]);
}

int main(void)
{
    test_limit();
    test_round_trip();
    test_header();
    test_truncated();
    test_forged();
    test_encoding();
    return done_testing();
}
