#include "fcgi-stream/delivery/disposition.h"

#include <stdlib.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

static struct buffer out;

/* Returns the header as written, without its constant start. */
static const char *written(const char *title, const char *content_type)
{
    static const char start[] = "Content-Disposition: attachment; filename=\"";
    buffer_reset(&out);
    disposition_write(&out, title, content_type, 7);
    buffer_char(&out, '\0');
    if (out.failed || strncmp(out.data, start, sizeof start - 1) != 0)
        exit(2);
    return out.data + sizeof start - 1;
}

int main(void)
{
    static const struct {
        const char *title, *type, *expected, *name;
    } rows[] = {
        {"Bunny", "video/mp4", "Bunny.mp4\"; filename*=UTF-8''Bunny.mp4\r\n",
         "an ASCII title is used as it is"},
        {"Bunny", "video/webm", "Bunny.webm\"; filename*=UTF-8''Bunny.webm\r\n",
         "the extension follows the content type"},
        {"a.MP4", "video/mp4", "a.MP4\"; filename*=UTF-8''a.MP4\r\n",
         "an existing extension is not repeated"},
        {"Grüße €", "video/mp4", "Gr__e _.mp4\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%E2%82%AC.mp4\r\n",
         "non-ASCII characters are encoded"},
        {"a\"b\\c/d", "video/mp4", "a_b_c_d.mp4\"; filename*=UTF-8''a_b_c_d.mp4\r\n",
         "quotes and path separators are replaced"},
        {"../x", "video/mp4", "_._x.mp4\"; filename*=UTF-8''_._x.mp4\r\n", "leading dots are replaced"},
        {"100% 'true'; a=b", "video/mp4",
         "100_ 'true'; a=b.mp4\"; filename*=UTF-8''100%25%20%27true%27%3B%20a%3Db.mp4\r\n",
         "punctuation is encoded"},
        {"gpj\xe2\x80\xae"
         "exe",
         "video/mp4", "gpj_exe.mp4\"; filename*=UTF-8''gpj_exe.mp4\r\n", "direction marks are replaced"},
        {"a\xc2\x85z\tq", "video/mp4", "a_z_q.mp4\"; filename*=UTF-8''a_z_q.mp4\r\n",
         "control characters are replaced"},
        {"end. . ", "video/mp4", "end.mp4\"; filename*=UTF-8''end.mp4\r\n",
         "trailing dots and spaces are removed"},
        {" . ", "video/mp4", "video-7.mp4\"; filename*=UTF-8''video-7.mp4\r\n",
         "a title of dots and spaces is replaced by the id"},
        {NULL, "video/mp4", "video-7.mp4\"; filename*=UTF-8''video-7.mp4\r\n",
         "a missing title is replaced by the id"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_text(written(rows[i].title, rows[i].type), rows[i].expected, "%s", rows[i].name);
    is_int((long long)strcspn(written(bytes_repeat('x', 300), "video/mp4"), "\""), 204,
           "a long name is truncated");
    char title[2 * 150 + 1] = "";
    for (int i = 0; i < 150; i++)
        strcat(title, "ü");
    is_int((long long)strcspn(written(title, "video/mp4"), "\""), 104,
           "a name is truncated at a character boundary");
    buffer_free(&out);
    return done_testing();
}
