#include "fcgi-stream/uploads/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

#define FTYP "\0\0\0\030ftypmp42\0\0\0\0mp42isom"
#define MOOV "\0\0\0\014moov1234"
#define MDAT "\0\0\0\015mdat12345"
#define EBML "\032\105\337\243"
#define WEBM "\102\202\204webm"

/* What a file with this content is taken for. */
static const char *type_of(const char *content, size_t length)
{
    const char *type = "unreadable";
    int fd = scratch_file("film", content, length);
    if (!container_type(fd, (off_t)length, &type))
        type = "failed";
    close(fd);
    return type;
}

static const struct {
    const char *content;
    size_t length;
    const char *type, *name;
} rows[] = {
    {BYTES(FTYP MOOV MDAT), "video/mp4", "MP4"},
    {BYTES(FTYP MDAT MOOV), "video/mp4", "MP4, its index behind the film"},
    {BYTES("\0\0\0\020ftypisom\0\0\2\0\0\0\0\010moov"), "video/mp4", "MP4, the shortest"},
    {BYTES(FTYP MOOV MOOV), "video/mp4", "MP4, two indices"},
    {BYTES(FTYP MOOV "\0\0\0\0mdat to the end"), "video/mp4", "MP4, a last box up to the end"},
    {BYTES(FTYP "\0\0\0\0moov to the end"), "video/mp4", "MP4, an index up to the end"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\0\0\0\0\0\0\0\023"
                     "abc"),
     "video/mp4", "MP4, a size of 64 bits"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\0\0\0\0\0\0\0\020"), "video/mp4", "MP4, the least of these"},
    {BYTES(FTYP), NULL, "MP4, no index"},
    {BYTES(FTYP MDAT), NULL, "MP4, no index but a film"},
    {BYTES(FTYP "\0\0\0\0mdat" MOOV), NULL, "MP4, an index within the film"},
    {BYTES(MOOV FTYP MDAT), NULL, "MP4, the boxes in another order"},
    {BYTES(FTYP MOOV "\0"), NULL, "MP4, a byte too many"},
    {BYTES(FTYP MOOV "\0\0\0\010mda"), NULL, "MP4, cut off in a head"},
    {BYTES(FTYP MOOV "\0\0\0\016mdat12345"), NULL, "MP4, a byte is missing"},
    {BYTES(FTYP MOOV "\377\377\377\377mdat12345"), NULL, "MP4, a very large box"},
    {BYTES(FTYP MOOV "\0\0\0\7mdat"), NULL, "MP4, a box smaller than its head"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\0\0\0\0\0\0\0\017"), NULL, "MP4, a long one smaller than its head"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\0\0\0\0\0\0\0"), NULL, "MP4, cut off in a long head"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\377\377\377\377\377\377\377\377"), NULL, "MP4, all bits of a size"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\200\0\0\0\0\0\0\020"), NULL, "MP4, a size that is negative"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\177\377\377\377\377\377\377\377"), NULL, "MP4, the largest that isn't"},
    {BYTES("\0\0\0\020ftypisom\0\0\2"), NULL, "MP4, cut off in its first box"},
    {BYTES("\0\0\0\014ftypisom" MOOV), NULL, "MP4, a first box too small for what is in it"},
    {BYTES("\0\0\0\021ftypisom\0\0\2\0\0" MOOV), NULL, "MP4, a first box of an odd size"},
    {BYTES("\0\0\0\030Ftypmp42\0\0\0\0mp42isom" MOOV), NULL, "MP4, misspelt"},
    {BYTES("ftypmp42\0\0\0\0mp42isom" MOOV), NULL, "ftyp without its size"},
    {BYTES(EBML "\207" WEBM), "video/webm", "WebM, the shortest"},
    {BYTES(EBML "\217\102\206\201\001" WEBM "\102\207\201\004 and more"), "video/webm", "WebM"},
    {BYTES(EBML "\001\0\0\0\0\0\0\013\102\206\201\1" WEBM), "video/webm", "WebM, a long size"},
    {BYTES(EBML "\211\102\202\206webm\0\0"), "video/webm", "WebM, padded"},
    {BYTES(EBML "\213\102\202\210matroska"), NULL, "Matroska"},
    {BYTES(EBML "\210\102\202\205webmx"), NULL, "a longer name"},
    {BYTES(EBML "\203\102\202\200"), NULL, "no name"},
    {BYTES(EBML "\204\102\206\201\001" WEBM), NULL, "WebM behind the header"},
    {BYTES(EBML "\212\354\210" WEBM), NULL, "WebM within another element"},
    {BYTES(EBML "\207\102\202\205webm"), NULL, "an element larger than the header"},
    {BYTES(EBML "\210\102\202\204webm"), NULL, "a header larger than the file"},
    {BYTES(EBML "\210" WEBM "\102"), NULL, "half an element"},
    {BYTES(EBML "\210" WEBM "\0"), NULL, "an element without an id"},
    {BYTES(EBML "\001\377\377\377\377\377\377\377" WEBM), NULL, "a header of unknown size"},
    {BYTES(EBML "\213\102\202\001\377\377\377\377\377\377\377"), NULL, "a name of unknown size"},
    {BYTES(EBML), NULL, "an EBML header and no more"},
    {BYTES(EBML "\000" WEBM), NULL, "a size of nine bytes"},
    {BYTES(WEBM), NULL, "no EBML header"},
    {BYTES("\032\105\337\242\207" WEBM), NULL, "another header"},
    {BYTES(""), NULL, "nothing"},
    {BYTES("\0"), NULL, "a byte"},
    {BYTES("GIF89a ftypmp42 webm"), NULL, "a picture"},
};

static void test_cut_off(void)
{
    static const char mp4[] = FTYP MOOV "\0\0\0\1mdat\0\0\0\0\0\0\0\023"
                                        "abc" MDAT;
    size_t whole = sizeof mp4 - 1, ends[] = {24, 36, 55, whole};
    for (size_t length = 0; length <= whole; length++) {
        bool good = false;
        for (size_t i = 1; i < COUNT_OF(ends); i++)
            good = good || length == ends[i];
        is_text(type_of(mp4, length), good ? "video/mp4" : NULL, "the first %zu bytes", length);
    }
}

/* A file of one box after the other, of 8 bytes each. */
static const char *type_of_boxes(size_t count)
{
    size_t length = sizeof FTYP - 1 + 8 * count;
    char *content = memcpy(malloc(length), FTYP, sizeof FTYP - 1);
    for (size_t i = 0; i < count; i++)
        memcpy(content + sizeof FTYP - 1 + 8 * i, "\0\0\0\010moov", 8);
    const char *type = type_of(content, length);
    free(content);
    return type;
}

static void test_bounds(void)
{
    is_text(type_of_boxes(99999), "video/mp4", "as many boxes as may be");
    is_text(type_of_boxes(100000), NULL, "one more");

    char header[2048] = EBML "\104\000" WEBM "\354\103\366";
    is_text(type_of(header, sizeof header), NULL, "an EBML header larger than any");
}

static void test_faults(void)
{
    const char *type = "";
    ok(!container_type(-1, 100, &type), "a file that can't be read");
    is_int(errno, EBADF, "for a reason");
    int fd = scratch_file("film", BYTES(FTYP MOOV));
    ok(container_type(fd, 1000, &type), "a file shorter than it should be");
    is_text(type, NULL, "is none");
    ok(container_type(fd, 30, &type), "nor is");
    is_text(type, NULL, "a part of one");
    close(fd);
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_text(type_of(rows[i].content, rows[i].length), rows[i].type, "%s", rows[i].name);
    test_cut_off();
    test_bounds();
    test_faults();
    return done_testing();
}
