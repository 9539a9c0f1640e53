/* Pages of a list, newest first, by keyset pagination: `?limit=`, an opaque `?cursor=`,
 * and a Link header (RFC 8288) to the next page. The cost of a page does not depend on
 * its depth. */
#ifndef LIB_HTTP_PAGE_H
#define LIB_HTTP_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buffer.h"
#include "lib/base/compiler.h"
#include "lib/http/cursor.h"

/* The key that orders rows with the same time. PAGE_NONE: the route has no pages. */
enum page_key { PAGE_NONE, PAGE_BY_ID, PAGE_BY_UUID };

/* A page has the newest rows before (time_us, id or uuid). Without a cursor this position
 * is later than any row. */
struct page {
    struct cursor_list list; /* its texts must live as long as the page */
    const char *query;       /* as received */
    int64_t limit;           /* rows, 1 to 100 */
    int64_t time_us;         /* microseconds since 1970 */
    int64_t id;
    char uuid[CURSOR_KEY_SIZE];
};

/* Parses limit and cursor from a query string. Returns NULL when they are valid, else a
 * message for the client. */
WARN_UNUSED const char *page_parse(const struct cursor_list *list, const char *query, enum page_key key,
                                   struct page *page);

/* Writes the Link header to the page that follows the row (time_us, id); id is a number
 * or a UUID as text. The link keeps the other parameters of the query. */
void page_link(struct buffer *out, const struct page *page, int64_t time_us, const char *id);

#endif
