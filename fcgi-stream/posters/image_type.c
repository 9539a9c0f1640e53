#include "fcgi-stream/posters/image_type.h"

#include <stdint.h>
#include <string.h>

/* A chunk of odd size is followed by a padding byte. */
static int is_webp(const unsigned char *head, size_t length, long long size)
{
    if (length < 16 || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WEBPVP8", 7) != 0)
        return 0;
    uint32_t chunk = (uint32_t)head[7] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[5] << 8 | head[4];
    return chunk + 8LL == size || chunk + 9LL == size;
}

const char *image_type_detect(const unsigned char *head, size_t length, long long size)
{
    if (length >= 4 && memcmp(head, "\xff\xd8\xff", 3) == 0)
        return "image/jpeg";
    return is_webp(head, length, size) ? "image/webp" : NULL;
}
