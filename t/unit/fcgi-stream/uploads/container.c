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

/* The detected type of a file with this content. */
static const char *type_of(const char *content, size_t length)
{
    const char *type = "unreadable";
    int fd = scratch_file("video", content, length);
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
    {BYTES(FTYP MDAT MOOV), "video/mp4", "MP4, moov after mdat"},
    {BYTES("\0\0\0\020ftypisom\0\0\2\0\0\0\0\010moov"), "video/mp4", "MP4, shortest valid file"},
    {BYTES(FTYP MOOV MOOV), "video/mp4", "MP4, two moov boxes"},
    {BYTES(FTYP MOOV "\0\0\0\0mdat to the end"), "video/mp4", "MP4, last box extends to the end"},
    {BYTES(FTYP "\0\0\0\0moov to the end"), "video/mp4", "MP4, moov extends to the end"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\0\0\0\0\0\0\0\023"
                     "abc"),
     "video/mp4", "MP4, 64-bit box size"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\0\0\0\0\0\0\0\020"), "video/mp4", "MP4, smallest 64-bit box size"},
    {BYTES(FTYP), NULL, "MP4, no moov"},
    {BYTES(FTYP MDAT), NULL, "MP4, mdat but no moov"},
    {BYTES(FTYP "\0\0\0\0mdat" MOOV), NULL, "MP4, moov inside mdat"},
    {BYTES(MOOV FTYP MDAT), NULL, "MP4, moov before ftyp"},
    {BYTES(FTYP MOOV "\0"), NULL, "MP4, one trailing byte"},
    {BYTES(FTYP MOOV "\0\0\0\010mda"), NULL, "MP4, truncated in a box head"},
    {BYTES(FTYP MOOV "\0\0\0\016mdat12345"), NULL, "MP4, truncated by a byte"},
    {BYTES(FTYP MOOV "\377\377\377\377mdat12345"), NULL, "MP4, box larger than the file"},
    {BYTES(FTYP MOOV "\0\0\0\7mdat"), NULL, "MP4, box smaller than its head"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\0\0\0\0\0\0\0\017"), NULL, "MP4, 64-bit box smaller than its head"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\0\0\0\0\0\0\0"), NULL, "MP4, truncated in a 64-bit head"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\377\377\377\377\377\377\377\377"), NULL,
     "MP4, 64-bit size with all bits set"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\200\0\0\0\0\0\0\020"), NULL,
     "MP4, 64-bit size that is negative as signed"},
    {BYTES(FTYP MOOV "\0\0\0\1mdat\177\377\377\377\377\377\377\377"), NULL,
     "MP4, largest signed 64-bit size"},
    {BYTES("\0\0\0\020ftypisom\0\0\2"), NULL, "MP4, truncated in ftyp"},
    {BYTES("\0\0\0\014ftypisom" MOOV), NULL, "MP4, ftyp too small for its fields"},
    {BYTES("\0\0\0\021ftypisom\0\0\2\0\0" MOOV), NULL, "MP4, ftyp of odd size"},
    {BYTES("\0\0\0\030Ftypmp42\0\0\0\0mp42isom" MOOV), NULL, "MP4, ftyp misspelt"},
    {BYTES("ftypmp42\0\0\0\0mp42isom" MOOV), NULL, "ftyp without its size"},
    {BYTES(EBML "\207" WEBM), "video/webm", "WebM, shortest valid file"},
    {BYTES(EBML "\217\102\206\201\001" WEBM "\102\207\201\004 and more"), "video/webm", "WebM"},
    {BYTES(EBML "\001\0\0\0\0\0\0\013\102\206\201\1" WEBM), "video/webm", "WebM, 8-byte header size"},
    {BYTES(EBML "\211\102\202\206webm\0\0"), "video/webm", "WebM, DocType padded with NULs"},
    {BYTES(EBML "\213\102\202\210matroska"), NULL, "Matroska"},
    {BYTES(EBML "\210\102\202\205webmx"), NULL, "DocType longer than webm"},
    {BYTES(EBML "\203\102\202\200"), NULL, "empty DocType"},
    {BYTES(EBML "\204\102\206\201\001" WEBM), NULL, "DocType after the header"},
    {BYTES(EBML "\212\354\210" WEBM), NULL, "DocType inside another element"},
    {BYTES(EBML "\207\102\202\205webm"), NULL, "element larger than the header"},
    {BYTES(EBML "\210\102\202\204webm"), NULL, "header larger than the file"},
    {BYTES(EBML "\210" WEBM "\102"), NULL, "truncated element"},
    {BYTES(EBML "\210" WEBM "\0"), NULL, "element without an id"},
    {BYTES(EBML "\001\377\377\377\377\377\377\377" WEBM), NULL, "header of unknown size"},
    {BYTES(EBML "\213\102\202\001\377\377\377\377\377\377\377"), NULL, "DocType of unknown size"},
    {BYTES(EBML), NULL, "EBML id only"},
    {BYTES(EBML "\000" WEBM), NULL, "size of nine bytes"},
    {BYTES(WEBM), NULL, "no EBML id"},
    {BYTES("\032\105\337\242\207" WEBM), NULL, "another id"},
    {BYTES(""), NULL, "empty file"},
    {BYTES("\0"), NULL, "one byte"},
    {BYTES("GIF89a ftypmp42 webm"), NULL, "an image"},
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
        is_text(type_of(mp4, length), good ? "video/mp4" : NULL, "the first %zu bytes are detected correctly",
                length);
    }
}

/* The detected type of a file with that many moov boxes of 8 bytes. */
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
    is_text(type_of_boxes(99999), "video/mp4", "the maximum number of boxes is accepted");
    is_text(type_of_boxes(100000), NULL, "more boxes are rejected");

    char header[2048] = EBML "\104\000" WEBM "\354\103\366";
    is_text(type_of(header, sizeof header), NULL, "an EBML header beyond the limit is rejected");
}

static void test_faults(void)
{
    const char *type = "";
    ok(!container_type(-1, 100, &type), "an invalid descriptor is an error");
    is_int(errno, EBADF, "errno of an invalid descriptor");
    int fd = scratch_file("video", BYTES(FTYP MOOV));
    ok(container_type(fd, 1000, &type), "a file shorter than the given size can be read");
    is_text(type, NULL, "a file shorter than the given size has no type");
    ok(container_type(fd, 30, &type), "a file longer than the given size can be read");
    is_text(type, NULL, "the first part of an MP4 has no type");
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
