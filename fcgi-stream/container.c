#include "container.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The first box: its size (4 bytes), its type, the major brand, the minor version, further brands. */
static bool is_mp4(const unsigned char *head, size_t length)
{
    if (length < 16 || memcmp(head + 4, "ftyp", 4) != 0)
        return false;
    uint32_t size = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
    return size >= 16 && size % 4 == 0;
}

/* RFC 8794: the element EBML, in it DocType (0x4282) with a length of one byte in that form. */
static bool is_webm(const unsigned char *head, size_t length)
{
    static const unsigned char ebml[] = {0x1a, 0x45, 0xdf, 0xa3};
    static const unsigned char doc_type[] = {0x42, 0x82, 0x84, 'w', 'e', 'b', 'm'};
    return length > sizeof ebml && memcmp(head, ebml, sizeof ebml) == 0 &&
           memmem(head, length, doc_type, sizeof doc_type) != NULL;
}

const char *container_type(const unsigned char *head, size_t length)
{
    if (is_mp4(head, length))
        return "video/mp4";
    if (is_webm(head, length))
        return "video/webm";
    return NULL;
}
