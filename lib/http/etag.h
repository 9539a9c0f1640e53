/* Entity tags (RFC 9110, section 8.8.3) of what has a revision, and the conditions that clients send with them.
 *
 * A tag is the revision in quotes. It is strong, "7", where nothing but an edit changes what is shown, and weak,
 * W/"7", where a count of views changes it too: a cache may go on showing the older count, but the bytes differ.
 *
 * If-None-Match is compared weakly, as section 13.1.2 wants it. Section 13.1.1 wants If-Match compared strongly, so
 * that nothing is lost which somebody else has changed. By the letter a weak tag could then never be given there. The
 * revision, though, changes with everything that an edit can change, so here a weak tag counts as its revision: no
 * edit is lost, and a view in the meantime does not stand in the way of one. */
#ifndef LIB_HTTP_ETAG_H
#define LIB_HTTP_ETAG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buffer.h"
#include "lib/base/compiler.h"

/* Writes the ETag header. */
void etag_header(struct buffer *out, int64_t revision, bool weak);

/* True when the value of an If-None-Match header names that revision: then the client has it. False for an empty
 * one, and for what is not a list of tags. */
WARN_UNUSED bool etag_none_match(const char *header, int64_t revision);

/* The revisions that the value of an If-Match header names, as PostgreSQL writes an array: {7,9}. What has another
 * one must not be changed. NULL when there is no such condition: the header is empty or `*`. Of what is not a list
 * of tags, what comes before the mistake counts. */
WARN_UNUSED const char *etag_match(struct arena *arena, const char *header);

#endif
