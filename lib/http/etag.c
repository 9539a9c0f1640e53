#include "lib/http/etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/param.h"

/* Parses the next tag of a list; false at the end or at a syntax error. The text is what
 * the quotes enclose. */
static bool next_tag(const char **rest, const char **text, size_t *length)
{
    const char *at = *rest + strspn(*rest, " \t,");
    if (strncmp(at, "W/", 2) == 0)
        at += 2;
    const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
    if (!end)
        return false;
    *text = at + 1;
    *length = (size_t)(end - *text);
    *rest = end + 1 + strspn(end + 1, " \t");
    return **rest == ',' || **rest == '\0';
}

static bool next_revision(const char **rest, int64_t *revision)
{
    const char *text;
    size_t length;
    while (next_tag(rest, &text, &length))
        if (param_id(text, length, revision))
            return true;
    return false;
}

static bool is_any(const char *header)
{
    header += strspn(header, " \t");
    return *header == '*' && header[1 + strspn(header + 1, " \t")] == '\0';
}

void etag_header(struct buffer *out, int64_t revision, bool weak)
{
    buffer_printf(out, "ETag: %s\"%" PRId64 "\"\r\n", weak ? "W/" : "", revision);
}

bool etag_none_match(const char *header, int64_t revision)
{
    int64_t listed;
    if (is_any(header))
        return true;
    while (next_revision(&header, &listed))
        if (listed == revision)
            return true;
    return false;
}

const char *etag_match(struct arena *arena, const char *header)
{
    if (*header == '\0' || is_any(header))
        return NULL;
    size_t size = strlen(header) + sizeof "{}"; /* two quotes leave room for a comma */
    char *list = arena_alloc(arena, size);
    size_t length = 0;
    int64_t listed;
    list[length++] = '{';
    while (next_revision(&header, &listed))
        length += (size_t)snprintf(list + length, size - length, "%s%" PRId64, length > 1 ? "," : "", listed);
    snprintf(list + length, size - length, "}");
    return list;
}
