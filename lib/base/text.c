#include "lib/base/text.h"

#include <stdint.h>

/* The length of the well-formed sequence at text (RFC 3629, section 4); 0 if it is
 * malformed. */
static size_t sequence_length(const unsigned char *text, size_t length)
{
    unsigned char first = text[0];
    if (first < 0x80)
        return 1;
    size_t needed = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length < needed)
        return 0;
    unsigned char low = 0x80, high = 0xbf;
    switch (first) {
    case 0xe0: low = 0xa0; break;
    case 0xed: high = 0x9f; break;
    case 0xf0: low = 0x90; break;
    case 0xf4: high = 0x8f; break;
    default: break;
    }
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < needed; i++)
        if (text[i] < 0x80 || text[i] > 0xbf)
            return 0;
    return needed;
}

bool text_is_utf8(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    while (length > 0) {
        size_t step = sequence_length(bytes, length);
        if (step == 0)
            return false;
        bytes += step;
        length -= step;
    }
    return true;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t text_characters(const char *text, size_t length)
{
    size_t characters = 0;
    for (size_t i = 0; i < length; i++)
        characters += !is_continuation(text[i]);
    return characters;
}

/* Decodes the code point at text, which is valid UTF-8, and sets *step to its length. */
static uint32_t code_point(const char *text, size_t *step)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (bytes[0] < 0x80) {
        *step = 1;
        return bytes[0];
    }
    if (bytes[0] < 0xe0) {
        *step = 2;
        return (uint32_t)(bytes[0] & 0x1f) << 6 | (bytes[1] & 0x3f);
    }
    if (bytes[0] < 0xf0) {
        *step = 3;
        return (uint32_t)(bytes[0] & 0x0f) << 12 | (uint32_t)(bytes[1] & 0x3f) << 6 | (bytes[2] & 0x3f);
    }
    *step = 4;
    return (uint32_t)(bytes[0] & 0x07) << 18 | (uint32_t)(bytes[1] & 0x3f) << 12 |
           (uint32_t)(bytes[2] & 0x3f) << 6 | (bytes[3] & 0x3f);
}

/* The Unicode property White_Space. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

void text_trim(const char **text, size_t *length)
{
    size_t step;
    while (*length > 0 && is_space(code_point(*text, &step))) {
        *text += step;
        *length -= step;
    }
    while (*length > 0) {
        size_t last = *length - 1;
        while (last > 0 && is_continuation((*text)[last]))
            last--;
        if (!is_space(code_point(*text + last, &step)))
            break;
        *length = last;
    }
}

bool text_has_control(const char *text, size_t length, bool multiline)
{
    size_t step;
    for (size_t i = 0; i < length; i += step) {
        uint32_t c = code_point(text + i, &step);
        bool is_line_space = c == '\t' || c == '\n' || c == '\r';
        if ((c < 0x20 || (c >= 0x7f && c <= 0x9f)) && !(multiline && is_line_space))
            return true;
    }
    return false;
}
