#include "fcgi-stream/posters/image_type.h"

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

static const struct {
    const char *head;
    size_t length;
    long long size;
    const char *type, *name;
} rows[] = {
    {BYTES("\377\330\377\340\0\020JFIF\0\1\1\0\0\1"), 5000, "image/jpeg", "JPEG"},
    {BYTES("\377\330\377\341"), 4, "image/jpeg", "the shortest JPEG"},
    {BYTES("\377\330\377"), 3, NULL, "JPEG, truncated"},
    {BYTES("RIFF\010\001\0\0WEBPVP8L"), 272, "image/webp", "WebP"},
    {BYTES("RIFF\011\001\0\0WEBPVP8X"), 274, "image/webp", "WebP, padded"},
    {BYTES("RIFF\010\001\0\0WEBPVP8 "), 271, NULL, "WebP, truncated by a byte"},
    {BYTES("RIFF\010\001\0\0WEBPVP8 "), 274, NULL, "WebP, too long"},
    {BYTES("RIFF\377\377\377\377WEBPVP8 "), 16, NULL, "WebP, the largest size field"},
    {BYTES("RIFF\010\001\0\0WAVEfmt "), 272, NULL, "WAV"},
    {BYTES("RIFF\004\0\0\0WEBP"), 12, NULL, "WebP without an image"},
    {BYTES("\211PNG\r\n\032\n\0\0\0\rIHDR"), 100, NULL, "PNG"},
    {BYTES("<svg onload=x>  "), 16, NULL, "SVG"},
    {BYTES(""), 0, NULL, "an empty file"},
};

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const unsigned char *head = (const unsigned char *)bytes_exact(rows[i].head, rows[i].length);
        is_text(image_type_detect(head, rows[i].length, rows[i].size), rows[i].type, "%s", rows[i].name);
    }
    return done_testing();
}
