/* Entity tags (RFC 9110, section 8.8.3) of resources with a revision, and the conditional
 * headers that clients send with them.
 *
 * A tag is the revision in quotes. It is strong ("7") where only an edit changes the
 * representation, and weak (W/"7") where a view counter changes it too: a cache may serve
 * an older count, but the bytes differ.
 *
 * If-None-Match uses weak comparison (section 13.1.2). Section 13.1.1 requires strong
 * comparison for If-Match, which no weak tag could ever pass. Here a weak tag counts as
 * its revision: every edit increments the revision, so no update is lost, and a view in
 * the meantime does not make an edit fail. */
#ifndef LIB_HTTP_ETAG_H
#define LIB_HTTP_ETAG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buffer.h"
#include "lib/base/compiler.h"

/* Writes the ETag header. */
void etag_header(struct buffer *out, int64_t revision, bool weak);

/* True when the If-None-Match header lists the revision or is "*": the client has the
 * current version. False when it is empty. A malformed list counts up to the first
 * error. */
WARN_UNUSED bool etag_none_match(const char *header, int64_t revision);

/* The revisions in an If-Match header, as a PostgreSQL array literal: {7,9}. A resource
 * with another revision must not be changed. NULL when there is no condition: the header
 * is empty or "*". A malformed list counts up to the first error. The text lives as long
 * as the arena. */
WARN_UNUSED const char *etag_match(struct arena *arena, const char *header);

#endif
