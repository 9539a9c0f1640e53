#include "fcgi-stream/tokens/journal_line.h"

#include <sodium.h>
#include <string.h>

enum { ID, PID, MSEC, STATUS, BYTES, TOKEN, UPLOAD, BODY_FILE, FIELD_COUNT };

bool journal_request_id(const char *text, size_t length, unsigned char id[BUCKET_REQUEST_ID_BYTES])
{
    size_t size;
    return length == 2 * BUCKET_REQUEST_ID_BYTES &&
           sodium_hex2bin(id, BUCKET_REQUEST_ID_BYTES, text, length, NULL, &size, NULL) == 0 &&
           size == BUCKET_REQUEST_ID_BYTES;
}

bool journal_msec(const char *text, size_t length, int64_t *ms)
{
    const char *point = memchr(text, '.', length);
    int64_t seconds;
    if (!point || text + length - point != 4 ||
        !param_number(text, (size_t)(point - text), INT64_MAX / 1000 - 1, &seconds))
        return false;
    for (int i = 1; i <= 3; i++)
        if (point[i] < '0' || point[i] > '9')
            return false;
    *ms = seconds * 1000 + (point[1] - '0') * 100 + (point[2] - '0') * 10 + (point[3] - '0');
    return true;
}

/* Copies a field; nginx writes a dash for a missing value. */
static bool copy_field(const char *text, size_t length, char *out, size_t size)
{
    if (length == 1 && text[0] == '-')
        length = 0;
    if (length >= size)
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

bool journal_line_parse(const char *text, size_t length, struct journal_line *out)
{
    const char *fields[FIELD_COUNT];
    size_t lengths[FIELD_COUNT];
    const char *end = text + length;
    for (int i = 0; i < FIELD_COUNT; i++) {
        /* The last field is a path, which may contain spaces. */
        const char *space = i < BODY_FILE ? memchr(text, ' ', (size_t)(end - text)) : end;
        if (!space)
            return false;
        fields[i] = text;
        lengths[i] = (size_t)(space - text);
        text = space < end ? space + 1 : end;
    }
    return journal_request_id(fields[ID], lengths[ID], out->request_id) &&
           journal_msec(fields[MSEC], lengths[MSEC], &out->time_ms) &&
           param_number(fields[STATUS], lengths[STATUS], 999, &out->status) &&
           param_number(fields[BYTES], lengths[BYTES], INT64_MAX, &out->bytes_sent) &&
           copy_field(fields[TOKEN], lengths[TOKEN], out->token, sizeof out->token) &&
           copy_field(fields[UPLOAD], lengths[UPLOAD], out->upload, sizeof out->upload) &&
           copy_field(fields[BODY_FILE], lengths[BODY_FILE], out->body_file, sizeof out->body_file);
}
