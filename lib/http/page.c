#include "lib/http/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/param.h"
#include "lib/http/response.h"

enum {
    LIMIT_DEFAULT = 50,
    /* Bytes of unknown parameters that a link repeats; a header's size is limited. */
    EXTRA_MAX = 512,
};

static const int64_t END_OF_TIME_US = 253402300799000000; /* the end of the year 9999 */

/* The parameters that filter a list. A link always repeats them. */
static const char *const filters[] = {"q", "state"};

static bool parse_cursor(const char *text, size_t length, enum page_key key, struct page *page)
{
    char last[CURSOR_KEY_SIZE];
    if (!cursor_parse(&page->list, text, length, &page->time_us, last))
        return false;
    if (key == PAGE_BY_ID)
        return param_id(last, strlen(last), &page->id);
    return param_uuid(last, strlen(last), page->uuid);
}

const char *page_parse(const struct cursor_list *list, const char *query, enum page_key key,
                       struct page *page)
{
    const char *text;
    size_t length;
    *page = (struct page){.list = *list,
                          .query = query,
                          .limit = LIMIT_DEFAULT,
                          .time_us = END_OF_TIME_US,
                          .id = INT64_MAX,
                          .uuid = "ffffffff-ffff-ffff-ffff-ffffffffffff"};
    if (param_query(query, "limit", &text, &length) && !param_limit(text, length, &page->limit))
        return "limit must be a number from 1 to 100";
    if (param_query(query, "cursor", &text, &length) && !parse_cursor(text, length, key, page))
        return "cursor is not valid for this list";
    return NULL;
}

/* Writes part of a query; percent-encodes what a URI's query must not contain (RFC 3986,
 * section 3.4). */
static void write_encoded(struct buffer *out, const char *text, size_t length)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~!$&'()*+,;=:@/?%";
    for (size_t i = 0; i < length; i++) {
        if (memchr(safe, text[i], sizeof safe - 1))
            buffer_char(out, text[i]);
        else
            buffer_printf(out, "%%%02X", (unsigned char)text[i]);
    }
}

static bool is_named(const char *pair, size_t length, const char *name)
{
    size_t name_length = strlen(name);
    return length >= name_length && memcmp(pair, name, name_length) == 0 &&
           (length == name_length || pair[name_length] == '=');
}

static bool is_page_parameter(const struct page *page, const char *pair, size_t length)
{
    for (size_t i = 0; *page->list.filter && i < COUNT_OF(filters); i++)
        if (is_named(pair, length, filters[i]))
            return true;
    return is_named(pair, length, "limit") || is_named(pair, length, "cursor");
}

/* Writes the parameters that this server doesn't know, as far as there is room. */
static void write_extra_parameters(struct buffer *out, const struct page *page)
{
    size_t begin = out->length, length;
    for (const char *pair = page->query; *pair; pair += length + (pair[length] == '&')) {
        length = strcspn(pair, "&");
        if (length == 0 || is_page_parameter(page, pair, length) ||
            out->length - begin + 3 * length > EXTRA_MAX)
            continue;
        write_encoded(out, pair, length);
        buffer_char(out, '&');
    }
}

void page_link(struct buffer *out, const struct page *page, int64_t time_us, const char *id)
{
    char cursor[CURSOR_TEXT_SIZE];
    const char *text;
    size_t length;
    cursor_write(&page->list, time_us, id, cursor);
    buffer_printf(out, "Link: <%s?", page->list.path);
    for (size_t i = 0; *page->list.filter && i < COUNT_OF(filters); i++) {
        if (!param_query(page->query, filters[i], &text, &length))
            continue;
        buffer_printf(out, "%s=", filters[i]);
        write_encoded(out, text, length);
        buffer_char(out, '&');
    }
    write_extra_parameters(out, page);
    buffer_printf(out, "limit=%" PRId64 "&cursor=%s>; rel=\"next\"\r\n", page->limit, cursor);
}

enum status page_respond(const struct request *request, struct response *response, enum store_outcome outcome,
                         const struct db_rows *rows, const char *name, page_row_write *write_row)
{
    const struct page *page = &request->page;
    struct page_position last = {0};
    char id[CURSOR_KEY_SIZE];
    if (outcome != STORE_DONE)
        return status_from_store(outcome);
    struct json *json = response_json(response, 200);
    if (name) {
        json_object(json);
        json_name(json, name);
    }
    json_array(json);
    for (int i = 0; i < rows->count && i < page->limit; i++)
        last = write_row(json, rows, i);
    json_array_end(json);
    if (name)
        json_object_end(json);
    if (rows->count > page->limit) {
        snprintf(id, sizeof id, "%" PRId64, last.id);
        page_link(&response->headers, page, last.time_us, last.uuid ? last.uuid : id);
    }
    return STATUS_ANSWERED;
}
