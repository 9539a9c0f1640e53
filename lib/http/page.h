/* Pages of a list, newest first, by keyset pagination: `?limit=`, an opaque `?cursor=`,
 * and a Link header (RFC 8288) to the next page. The cost of a page does not depend on
 * its depth. */
#ifndef LIB_HTTP_PAGE_H
#define LIB_HTTP_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buffer.h"
#include "lib/base/compiler.h"
#include "lib/base/json.h"
#include "lib/http/cursor.h"
#include "lib/http/status.h"

struct request;
struct response;

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

/* The position of a row in its list. */
struct page_position {
    int64_t time_us, id;
    const char *uuid; /* NULL: the list is keyed by id */
};

/* Writes a row as one JSON value and returns the row's position. */
typedef struct page_position page_row_write(struct json *json, const struct db_rows *rows, int row);

/* Ends a list handler. On STORE_DONE it writes a 200 response with at most `limit` of the
 * rows: an array or, with a name, an object that holds the array under that name. The
 * query must have asked for one row more than the limit; when that row is there, the
 * response links to the next page. Any other outcome is returned as its status, and rows
 * is not read. */
WARN_UNUSED enum status page_respond(const struct request *request, struct response *response,
                                     enum store_outcome outcome, const struct db_rows *rows, const char *name,
                                     page_row_write *write_row);

#endif
