/* Pages of a list that is read newest first by keyset: `?limit=` and an opaque `?cursor=`, and the Link
 * header (RFC 8288) to the next one. A page costs the same however deep it lies. */
#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "compiler.h"
#include "param.h"

/* By what rows of one moment are told apart. */
enum page_key { PAGE_NONE, PAGE_BY_ID, PAGE_BY_UUID };

/* Rows older than (time_us, id or uuid) are wanted. Without a cursor that is later than any row. */
struct page {
    int64_t limit;
    int64_t time_us; /* microseconds since 1970 */
    int64_t id;
    char uuid[PARAM_UUID_SIZE];
};

/* Reads limit and cursor from a query string. Returns NULL when they are good, else what is wrong. */
WARN_UNUSED const char *page_read(const char *query, enum page_key key, struct page *page);

/* Writes the Link header to the page that follows the row (time_us, id), id being a number or a UUID as
 * text, to out. */
void page_link(struct buffer *out, const char *path, const struct page *page, int64_t time_us,
               const char *id);

#endif
