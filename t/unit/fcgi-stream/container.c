#include "container.h"

#include "bytes.h"
#include "tap.h"

#define EBML "\x1a\x45\xdf\xa3"

static const struct {
    const char *head;
    size_t length;
    const char *type, *name;
} rows[] = {
    {BYTES("\0\0\0\x18"
           "ftypmp42\0\0\0\0mp42isom\0\0\0\1mdat"),
     "video/mp4", "MP4, more boxes behind it"},
    {BYTES("\0\0\0\x10"
           "ftypisom\0\0\2\0"),
     "video/mp4", "MP4, the shortest first box"},
    {BYTES("\0\0\0\x14"
           "ftypM4V \0\0\0\0M4V "),
     "video/mp4", "MP4 of another brand"},
    {BYTES("\0\0\0\x10"
           "ftypisom\0\0\2"),
     NULL, "MP4, cut off"},
    {BYTES("\0\0\0\x0c"
           "ftypisom\0\0\2\0"),
     NULL, "MP4, a box too small for what is in it"},
    {BYTES("\0\0\0\x11"
           "ftypisom\0\0\2\0\0"),
     NULL, "MP4, a box of an odd size"},
    {BYTES("\0\0\0\x18"
           "Ftypmp42\0\0\0\0mp42isom"),
     NULL, "MP4 misspelt"},
    {BYTES("\0\0\0\x18"
           "moovmp42\0\0\0\0mp42isom"),
     NULL, "another box"},
    {BYTES("ftypmp42\0\0\0\0mp42isom"), NULL, "ftyp without its size"},
    {BYTES(EBML "\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87\x81\x04"), "video/webm", "WebM"},
    {BYTES(EBML "\x01\0\0\0\0\0\0\x1f\x42\x86\x81\1\x42\x82\x84webm"), "video/webm", "WebM, a long size"},
    {BYTES(EBML "\x9f\x42\x82\x88matroska\x42\x87\x81\x04"), NULL, "Matroska"},
    {BYTES(EBML "\x9f\x42\x82\x84web"), NULL, "WebM, cut off"},
    {BYTES(EBML), NULL, "an EBML header and no more"},
    {BYTES("\x42\x82\x84webm"), NULL, "no EBML header"},
    {BYTES("\x1a\x45\xdf\xa2\x9f\x42\x82\x84webm"), NULL, "another header"},
    {BYTES(""), NULL, "nothing"},
    {BYTES("\0"), NULL, "a byte"},
    {BYTES("GIF89a ftypmp42 webm"), NULL, "a picture"},
    {BYTES("<html>\0\0\0\x18"
           "ftypmp42"),
     NULL, "a page"},
};

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const unsigned char *head = (const unsigned char *)bytes_exact(rows[i].head, rows[i].length);
        is_text(container_type(head, rows[i].length), rows[i].type, "%s", rows[i].name);
    }
    return done_testing();
}
