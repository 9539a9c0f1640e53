#include "fcgi-stream/delivery/disposition.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_BYTES = 200, NAME_SIZE = NAME_BYTES + 16 };

static size_t character_length(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* A control character, one that is special in file systems, or one that changes the text
 * direction and so could disguise the extension (U+200E, U+200F, U+202A to U+202E, U+2066
 * to U+2069). */
static bool is_unsafe(const unsigned char *c)
{
    if (c[0] < 0x80)
        return c[0] < 0x20 || c[0] == 0x7f || strchr("/\\:*?\"<>|", c[0]) != NULL;
    if (c[0] == 0xc2)
        return c[1] < 0xa0;
    if (c[0] == 0xe2 && c[1] == 0x80)
        return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xaa && c[2] <= 0xae);
    return c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

static bool ends_with(const char *name, size_t length, const char *end)
{
    size_t end_length = strlen(end);
    return length >= end_length && strncasecmp(name + length - end_length, end, end_length) == 0;
}

/* Turns the title into a file name. Returns its length, 0 when nothing is left. */
static size_t sanitize(const char *title, char name[NAME_SIZE])
{
    size_t length = 0;
    for (const char *c = title; *c;) {
        size_t step = character_length((unsigned char)*c);
        bool unsafe = is_unsafe((const unsigned char *)c) || (length == 0 && *c == '.');
        size_t size = unsafe ? 1 : step;
        if (length + size > NAME_BYTES)
            break;
        memcpy(name + length, unsafe ? "_" : c, size);
        length += size;
        c += step;
    }
    while (length > 0 && strchr(" .", name[length - 1]))
        length--;
    return length;
}

/* The quoted ASCII form, for clients that do not support filename*. */
static void write_plain(struct buffer *out, const char *name)
{
    for (const char *c = name; *c; c += character_length((unsigned char)*c))
        buffer_char(out, (unsigned char)*c >= 0x80 || *c == '%' ? '_' : *c);
}

/* RFC 8187, section 3.2.1. */
static void write_encoded(struct buffer *out, const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`|~";
    for (const char *c = name; *c; c++)
        if (strchr(plain, *c))
            buffer_char(out, *c);
        else
            buffer_printf(out, "%%%02X", (unsigned char)*c);
}

void disposition_write(struct buffer *out, const char *title, const char *content_type, int64_t video_id)
{
    const char *end = strcmp(content_type, "video/webm") == 0 ? ".webm" : ".mp4";
    char name[NAME_SIZE];
    size_t length = title ? sanitize(title, name) : 0;
    if (length == 0)
        length = (size_t)snprintf(name, sizeof name, "video-%" PRId64, video_id);
    name[length] = '\0';
    if (!ends_with(name, length, end))
        snprintf(name + length, sizeof name - length, "%s", end);
    buffer_text(out, "Content-Disposition: attachment; filename=\"");
    write_plain(out, name);
    buffer_text(out, "\"; filename*=UTF-8''");
    write_encoded(out, name);
    buffer_text(out, "\r\n");
}
