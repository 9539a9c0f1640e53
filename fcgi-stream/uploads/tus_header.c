#include "fcgi-stream/uploads/tus_header.h"

#include <string.h>

static bool is_base64(const char *text, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = 0;
    while (padding < 2 && length > padding && text[length - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < length - padding; i++)
        if (!text[i] || !strchr(digits, text[i]))
            return false;
    return length % 4 == 0;
}

/* Visible ASCII; the caller has split the text at commas. */
static bool is_key(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f)
            return false;
    return length > 0;
}

static bool is_pair(const char *text, size_t length)
{
    const char *blank = memchr(text, ' ', length);
    if (!blank)
        return is_key(text, length);
    size_t key = (size_t)(blank - text);
    return is_key(text, key) && is_base64(blank + 1, length - key - 1);
}

bool tus_metadata_is_valid(const char *text)
{
    if (!*text)
        return true;
    if (strlen(text) > TUS_METADATA_MAX)
        return false;
    for (;;) {
        size_t length = strcspn(text, ",");
        if (!is_pair(text, length))
            return false;
        if (!text[length])
            return true;
        text += length + 1;
        text += strspn(text, " ");
    }
}
