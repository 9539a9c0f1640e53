#include "fcgi-stream/uploads/container.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum {
    BOXES_MAX = 100000, /* hours of video in one-second fragments have half as many */
    BOX_HEAD = 8,       /* size (4 bytes) and type */
    BOX_LONG_HEAD = 16, /* followed by a size of 8 bytes */
    FTYP_MIN = 16,      /* head, major brand, minor version */
    EBML_MAX = 1024,    /* bytes; an EBML header usually has about 40 */
};

/* EBML element ids. */
enum { ID_EBML = 0x1a45dfa3, ID_DOC_TYPE = 0x4282 };

struct file {
    int fd;
    off_t size;
    bool failed; /* errno says why */
};

static uint64_t big_endian(const unsigned char *bytes, size_t length)
{
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* Reads up to length bytes at the offset. Returns how many were read. */
static size_t read_at(struct file *file, off_t offset, unsigned char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length) {
        ssize_t got = pread(file->fd, bytes + used, length - used, offset + (off_t)used);
        if (got < 0 && errno == EINTR)
            continue;
        file->failed = file->failed || got < 0;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    return used;
}

/* Sets *length to the length of the box at the offset, whose first bytes are head.
 * Returns false when it is not a valid box or does not fit into the file. */
static bool box_length(const struct file *file, off_t offset, const unsigned char *head, size_t head_length,
                       off_t *length)
{
    uint64_t left = (uint64_t)(file->size - offset);
    if (head_length < BOX_HEAD)
        return false;
    uint64_t size = big_endian(head, 4), minimum = BOX_HEAD;
    if (size == 0) { /* to the end of the file */
        size = left;
    } else if (size == 1) {
        if (head_length < BOX_LONG_HEAD)
            return false;
        size = big_endian(head + BOX_HEAD, 8);
        minimum = BOX_LONG_HEAD;
    }
    *length = (off_t)left;
    if (size < minimum || size > left)
        return false;
    *length = (off_t)size;
    return true;
}

static bool begins_with_ftyp(const unsigned char *head, size_t length)
{
    if (length < FTYP_MIN || memcmp(head + 4, "ftyp", 4) != 0)
        return false;
    uint64_t size = big_endian(head, 4);
    return size >= FTYP_MIN && size % 4 == 0;
}

static bool is_mp4(struct file *file)
{
    unsigned char head[BOX_LONG_HEAD];
    bool moov = false;
    off_t at = 0, length;
    for (int i = 0; at < file->size; i++, at += length) {
        size_t head_length = read_at(file, at, head, sizeof head);
        if (i == BOXES_MAX || (i == 0 && !begins_with_ftyp(head, head_length)) ||
            !box_length(file, at, head, head_length, &length))
            return false;
        moov = moov || memcmp(head + 4, "moov", 4) == 0;
    }
    return moov;
}

/* Bytes that are consumed from the front. */
struct span {
    const unsigned char *at, *end;
};

/* RFC 8794, section 4: the number of leading zero bits is the number of bytes after the
 * first. An id keeps its marker bit, a size does not. */
static bool read_vint(struct span *span, size_t length_max, bool keep_marker, uint64_t *out)
{
    if (span->at == span->end)
        return false;
    size_t length = 1;
    while (length <= length_max && !(*span->at & 0x80 >> (length - 1)))
        length++;
    if (length > length_max || (size_t)(span->end - span->at) < length)
        return false;
    uint64_t number = big_endian(span->at, length);
    *out = keep_marker ? number : number & ~(UINT64_C(1) << (7 * length));
    span->at += length;
    return true;
}

/* Consumes the next element. Returns false when there is none or it does not fit. */
static bool read_element(struct span *span, uint64_t *id, struct span *content)
{
    uint64_t size;
    if (!read_vint(span, 4, true, id) || !read_vint(span, 8, false, &size) ||
        size > (uint64_t)(span->end - span->at))
        return false;
    *content = (struct span){span->at, span->at + size};
    span->at = content->end;
    return true;
}

/* A string may be padded with NULs (section 7.4). */
static bool is_string(struct span content, const char *wanted)
{
    size_t length = (size_t)(content.end - content.at), wanted_length = strlen(wanted);
    while (length > wanted_length && content.at[length - 1] == '\0')
        length--;
    return length == wanted_length && memcmp(content.at, wanted, length) == 0;
}

static bool is_webm(struct file *file)
{
    unsigned char bytes[EBML_MAX];
    struct span head = {bytes, bytes + read_at(file, 0, bytes, sizeof bytes)}, header, content;
    uint64_t id;
    bool webm = false;
    if (!read_element(&head, &id, &header) || id != ID_EBML)
        return false;
    while (header.at < header.end) {
        if (!read_element(&header, &id, &content))
            return false;
        if (id == ID_DOC_TYPE)
            webm = is_string(content, "webm");
    }
    return webm;
}

bool container_begins(const unsigned char head[CONTAINER_HEAD])
{
    return begins_with_ftyp(head, CONTAINER_HEAD) || big_endian(head, 4) == ID_EBML;
}

bool container_type(int fd, off_t size, const char **type)
{
    struct file file = {.fd = fd, .size = size};
    *type = NULL;
    if (is_mp4(&file))
        *type = "video/mp4";
    else if (is_webm(&file))
        *type = "video/webm";
    return !file.failed;
}
