#include "lib/http/etag.h"

#include "t/unit/tap.h"

static void test_header(void)
{
    struct buffer out = {0};
    etag_header(&out, 7, false);
    etag_header(&out, INT64_MAX, true);
    buffer_char(&out, '\0');
    is_text(out.data, "ETag: \"7\"\r\nETag: W/\"9223372036854775807\"\r\n",
            "strong and weak tags are written");
    buffer_free(&out);
}

/* For each header: whether If-None-Match lists revision 7, and the revisions that
 * If-Match lists. */
static const struct {
    const char *header;
    bool none_match;
    const char *match; /* NULL: no condition */
} rows[] = {
    {"", false, NULL},
    {"*", true, NULL},
    {" * ", true, NULL},
    {"\"7\"", true, "{7}"},
    {"W/\"7\"", true, "{7}"},
    {"\"8\"", false, "{8}"},
    {"\"6\", \"7\"", true, "{6,7}"},
    {"\"6\",W/\"7\"\t,\"8\"", true, "{6,7,8}"},
    {" , ,\"7\" , ", true, "{7}"},
    {"\"a\", \"\", \"x,y\", \"7\"", true, "{7}"},
    {"\"9223372036854775807\"", false, "{9223372036854775807}"},
    {"\"9223372036854775808\"", false, "{}"},
    {"\"07\"", false, "{}"},
    {"\"-7\"", false, "{}"},
    {"\" 7\"", false, "{}"},
    {"\"77\"", false, "{77}"},
    {"7", false, "{}"},
    {"7, \"7\"", false, "{}"},
    {"w/\"7\"", false, "{}"},
    {"W/7", false, "{}"},
    {"W/", false, "{}"},
    {"\"7", false, "{}"},
    {"\"6\" \"7\"", false, "{}"},
    {"\"6\", \"7\"x", false, "{6}"},
    {"\"6\", *", false, "{6}"},
    {"**", false, "{}"},
    {"*, \"7\"", false, "{}"},
    {"\"7}'; DROP TABLE videos; --\"", false, "{}"},
};

static void test_conditions(void)
{
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ok(etag_none_match(rows[i].header, 7) == rows[i].none_match, "If-None-Match: %s", rows[i].header);
        is_text(etag_match(arena, rows[i].header), rows[i].match, "If-Match: %s", rows[i].header);
    }
    arena_destroy(arena);
}

int main(void)
{
    test_header();
    test_conditions();
    return done_testing();
}
