#include "lib/base/param.h"

#include <string.h>

bool param_number(const char *text, size_t length, int64_t max, int64_t *out)
{
    if (length == 0 || (length > 1 && text[0] == '0'))
        return false;
    int64_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        int digit = text[i] - '0';
        if (number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (number > max)
        return false;
    *out = number;
    return true;
}

static bool positive_number(const char *text, size_t length, int64_t max, int64_t *out)
{
    int64_t number;
    if (!param_number(text, length, max, &number) || number < 1)
        return false;
    *out = number;
    return true;
}

bool param_id(const char *text, size_t length, int64_t *out)
{
    return positive_number(text, length, INT64_MAX, out);
}

bool param_limit(const char *text, size_t length, int64_t *out)
{
    return positive_number(text, length, 100, out);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool param_uuid(const char *text, size_t length, char out[PARAM_UUID_SIZE])
{
    if (length != PARAM_UUID_SIZE - 1)
        return false;
    char uuid[PARAM_UUID_SIZE] = {0};
    for (size_t i = 0; i < length; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : hex_digit(text[i]) < 0)
            return false;
        uuid[i] = dash ? '-' : "0123456789abcdef"[hex_digit(text[i])];
    }
    memcpy(out, uuid, sizeof uuid);
    return true;
}

bool param_percent_decode(const char *text, size_t length, bool plus, char *out, size_t *out_length)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '%') {
            out[used++] = plus && text[i] == '+' ? ' ' : text[i];
            continue;
        }
        if (length - i < 3)
            return false;
        int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0 || high + low == 0)
            return false;
        out[used++] = (char)(high << 4 | low);
        i += 2;
    }
    *out_length = used;
    return true;
}

bool param_query(const char *query, const char *name, const char **value, size_t *length)
{
    size_t name_length = strlen(name);
    for (const char *pair = query; *pair;) {
        size_t pair_length = strcspn(pair, "&");
        if (pair_length > name_length && pair[name_length] == '=' && memcmp(pair, name, name_length) == 0) {
            *value = pair + name_length + 1;
            *length = pair_length - name_length - 1;
            return true;
        }
        pair += pair_length + (pair[pair_length] == '&');
    }
    return false;
}

bool param_cookie(const char *header, const char *name, const char **value, size_t *length)
{
    size_t name_length = strlen(name);
    for (const char *pair = header; *pair;) {
        pair += strspn(pair, " \t");
        size_t pair_length = strcspn(pair, ";");
        if (pair_length > name_length && pair[name_length] == '=' && memcmp(pair, name, name_length) == 0) {
            *value = pair + name_length + 1;
            *length = pair_length - name_length - 1;
            while (*length > 0 && ((*value)[*length - 1] == ' ' || (*value)[*length - 1] == '\t'))
                --*length;
            return true;
        }
        pair += pair_length + (pair[pair_length] == ';');
    }
    return false;
}
