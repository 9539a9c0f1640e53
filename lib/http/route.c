#include "lib/http/route.h"

#include <stddef.h>
#include <string.h>

/* One segment of a pattern or a path. */
struct segment {
    const char *text;
    size_t length;
};

static bool next_segment(const char **rest, struct segment *segment)
{
    if (**rest != '/')
        return false;
    segment->text = *rest + 1;
    segment->length = strcspn(segment->text, "/");
    *rest = segment->text + segment->length;
    return true;
}

static bool matches(const char *pattern, const char *path)
{
    struct segment wanted, given;
    while (next_segment(&pattern, &wanted)) {
        if (!next_segment(&path, &given))
            return false;
        bool same = wanted.text[0] == ':'
                        ? given.length > 0
                        : given.length == wanted.length && memcmp(given.text, wanted.text, given.length) == 0;
        if (!same)
            return false;
    }
    return *path == '\0';
}

enum route_match route_find(const struct route_table *table, enum method method, const char *path,
                            const struct route **route)
{
    enum route_match found = ROUTE_NO_PATH;
    for (size_t i = 0; i < table->count; i++) {
        if (!matches(table->routes[i].pattern, path))
            continue;
        if (table->routes[i].method == method) {
            *route = &table->routes[i];
            return ROUTE_FOUND;
        }
        found = ROUTE_NO_METHOD;
    }
    return found;
}

void route_allow(const struct route_table *table, const char *path, struct buffer *out)
{
    buffer_text(out, "OPTIONS");
    for (size_t i = 0; i < table->count; i++) {
        enum method method = table->routes[i].method;
        if (method == METHOD_GATE || method == METHOD_OPTIONS || !matches(table->routes[i].pattern, path))
            continue;
        buffer_printf(out, ", %s%s", method_names[method], method == METHOD_GET ? ", HEAD" : "");
    }
}

/* The ids that a pattern can have: the member of struct request to set, and the message
 * for an invalid one. */
static const struct {
    const char *name;
    size_t offset;
    bool uuid; /* false: a number */
    const char *error;
} ids[] = {
    {":uid", offsetof(struct request, ids.uid), false, "the user id must be a number from 1 to 2^63-1"},
    {":vid", offsetof(struct request, ids.vid), false, "the video id must be a number from 1 to 2^63-1"},
    {":sid", offsetof(struct request, ids.sid), true, "the session id must be a UUID"},
    {":cid", offsetof(struct request, ids.cid), true, "the comment id must be a UUID"},
    {":upload", offsetof(struct request, ids.upload), true, "the upload id must be a UUID"},
};

static const char *parse_id(const struct segment *name, const struct segment *value, struct request *request)
{
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        if (strlen(ids[i].name) != name->length || memcmp(ids[i].name, name->text, name->length) != 0)
            continue;
        void *member = (char *)request + ids[i].offset;
        bool good = ids[i].uuid ? param_uuid(value->text, value->length, member)
                                : param_id(value->text, value->length, member);
        return good ? NULL : ids[i].error;
    }
    return "the path has an unknown kind of id";
}

const char *route_parse_ids(const struct route *route, struct request *request)
{
    const char *pattern = route->pattern, *path = request->path, *error = NULL;
    struct segment name, value;
    while (!error && next_segment(&pattern, &name) && next_segment(&path, &value))
        if (name.text[0] == ':')
            error = parse_id(&name, &value, request);
    return error;
}
