#include "page.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
    LIMIT_STANDARD = 50,
    CURSOR_MAX = 64, /* "<time> <id>" */
    ENCODED_MAX = sodium_base64_ENCODED_LEN(CURSOR_MAX, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
};

static const int64_t END_OF_TIME_US = 253402300799000000; /* the end of the year 9999 */

static bool read_key(const char *text, size_t length, enum page_key key, struct page *page)
{
    if (key == PAGE_BY_ID)
        return param_id(text, length, &page->id);
    return param_uuid(text, length, page->uuid);
}

static bool read_cursor(const char *text, size_t length, enum page_key key, struct page *page)
{
    char cursor[CURSOR_MAX + 1];
    size_t size;
    if (length > ENCODED_MAX || sodium_base642bin((unsigned char *)cursor, CURSOR_MAX, text, length, NULL,
                                                  &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return false;
    cursor[size] = '\0';
    size_t time_length = strcspn(cursor, " ");
    return strlen(cursor) == size && time_length < size &&
           param_number(cursor, time_length, END_OF_TIME_US, &page->time_us) &&
           read_key(cursor + time_length + 1, size - time_length - 1, key, page);
}

const char *page_read(const char *query, enum page_key key, struct page *page)
{
    const char *text;
    size_t length;
    *page = (struct page){.limit = LIMIT_STANDARD,
                          .time_us = END_OF_TIME_US,
                          .id = INT64_MAX,
                          .uuid = "ffffffff-ffff-ffff-ffff-ffffffffffff"};
    if (param_query(query, "limit", &text, &length) && !param_limit(text, length, &page->limit))
        return "limit is not a number from 1 to 100";
    if (param_query(query, "cursor", &text, &length) && !read_cursor(text, length, key, page))
        return "cursor is not one that this server gave out";
    return NULL;
}

void page_link(struct buffer *out, const char *path, const struct page *page, int64_t time_us, const char *id)
{
    char cursor[CURSOR_MAX + 1], encoded[ENCODED_MAX];
    int length = snprintf(cursor, sizeof cursor, "%" PRId64 " %s", time_us, id);
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)cursor, (size_t)length,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    buffer_printf(out, "Link: <%s?limit=%" PRId64 "&cursor=%s>; rel=\"next\"\r\n", path, page->limit,
                  encoded);
}
