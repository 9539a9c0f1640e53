#include "fcgi-stream/uploads/multipart.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    WINDOW_SIZE = 256 * 1024,
    HEADERS_MAX = 8 * 1024,
    PARTS_MAX = 16,
};

/* A body that is read through a window of memory. */
struct scan {
    int fd;
    off_t size;
    bool failed; /* errno says why */
    char *window;
    char delimiter[MULTIPART_BOUNDARY_SIZE + 4]; /* CRLF, two dashes, the boundary */
    size_t delimiter_length;
};

static bool is_boundary_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("'()+_,-./:=? ", c));
}

/* Copies a parameter value, quoted or not. Returns false when it is not a boundary. */
static bool copy_boundary(const char *value, char boundary[MULTIPART_BOUNDARY_SIZE])
{
    bool quoted = *value == '"';
    value += quoted;
    size_t length = strcspn(value, quoted ? "\"" : "; \t");
    if (length == 0 || length >= MULTIPART_BOUNDARY_SIZE || (quoted && value[length] != '"'))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_boundary_char(value[i]))
            return false;
    if (value[length - 1] == ' ')
        return false;
    memcpy(boundary, value, length);
    boundary[length] = '\0';
    return true;
}

/* Returns the value of name= among the parameters of a header value, or NULL. Quoted
 * strings (RFC 9110, section 5.6.4) are skipped. */
static const char *find_parameter(const char *header, const char *name)
{
    size_t length = strlen(name);
    bool quoted = false;
    for (const char *at = header; *at; at++) {
        if (*at == '\\' && quoted && at[1]) {
            at++;
        } else if (*at == '"') {
            quoted = !quoted;
        } else if (*at == ';' && !quoted) {
            const char *parameter = at + 1 + strspn(at + 1, " \t");
            if (strncasecmp(parameter, name, length) == 0 && parameter[length] == '=')
                return parameter + length + 1;
        }
    }
    return NULL;
}

bool multipart_type(const char *content_type, char boundary[MULTIPART_BOUNDARY_SIZE])
{
    static const char type[] = "multipart/form-data";
    boundary[0] = '\0';
    if (strncasecmp(content_type, type, sizeof type - 1) != 0 ||
        !strchr("; \t", content_type[sizeof type - 1]))
        return false;
    const char *value = find_parameter(content_type, "boundary");
    if (value && !copy_boundary(value, boundary))
        boundary[0] = '\0';
    return true;
}

/* Reads up to length bytes at the offset into the window. Returns how many were read. */
static size_t read_window(struct scan *scan, off_t offset, size_t length)
{
    size_t used = 0;
    while (used < length && offset + (off_t)used < scan->size) {
        off_t left = scan->size - offset - (off_t)used;
        size_t wanted = (off_t)(length - used) < left ? length - used : (size_t)left;
        ssize_t got = pread(scan->fd, scan->window + used, wanted, offset + (off_t)used);
        if (got < 0 && errno == EINTR)
            continue;
        scan->failed = scan->failed || got < 0;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    return used;
}

/* Returns the offset of the next delimiter at or after offset, or -1. */
static off_t find_delimiter(struct scan *scan, off_t offset)
{
    for (;;) {
        size_t length = read_window(scan, offset, WINDOW_SIZE);
        if (length < scan->delimiter_length)
            return -1;
        const char *found = memmem(scan->window, length, scan->delimiter, scan->delimiter_length);
        if (found)
            return offset + (found - scan->window);
        offset += (off_t)(length - scan->delimiter_length + 1);
    }
}

/* True when the header lines, which end in CRLF, are those of the field `file`. */
static bool is_file_field(char *headers)
{
    static const char name[] = "content-disposition:";
    for (char *line = headers, *end; (end = strstr(line, "\r\n")); line = end + 2) {
        *end = '\0';
        if (strncasecmp(line, name, sizeof name - 1) != 0)
            continue;
        const char *value = find_parameter(line, "name");
        return value && (strncmp(value, "\"file\"", 6) == 0 ||
                         (strncmp(value, "file", 4) == 0 && strchr("; \t", value[4])));
    }
    return false;
}

enum part { PART_FILE, PART_OTHER, PART_LAST, PART_BAD };

/* Parses what follows a delimiter: two dashes after the last part, else the part's
 * headers. Sets *body to the offset of the part's content. */
static enum part parse_part(struct scan *scan, off_t offset, off_t *body)
{
    size_t length = read_window(scan, offset, HEADERS_MAX);
    scan->window[length] = '\0';
    if (length >= 2 && memcmp(scan->window, "--", 2) == 0)
        return PART_LAST;
    size_t padding = strspn(scan->window, " \t"); /* RFC 2046 allows it */
    if (strncmp(scan->window + padding, "\r\n", 2) != 0)
        return PART_BAD;
    char *headers = scan->window + padding + 2;
    char *end = strncmp(headers, "\r\n", 2) == 0 ? headers - 2 : strstr(headers, "\r\n\r\n");
    if (!end)
        return PART_BAD;
    *body = offset + (end + 4 - scan->window);
    end[2] = '\0';
    return is_file_field(headers) ? PART_FILE : PART_OTHER;
}

static enum multipart_outcome find_start(struct scan *scan, off_t *start)
{
    /* At the very beginning the delimiter has no line end before it. */
    size_t bare = scan->delimiter_length - 2;
    bool first = read_window(scan, 0, bare) == bare && memcmp(scan->window, scan->delimiter + 2, bare) == 0;
    off_t at = first ? -2 : find_delimiter(scan, 0);
    for (int i = 0; at != -1 && i <= PARTS_MAX; i++) {
        enum part part = parse_part(scan, at + (off_t)scan->delimiter_length, start);
        if (part == PART_BAD)
            return MULTIPART_MALFORMED;
        if (part == PART_LAST)
            return i == 0 ? MULTIPART_MALFORMED : MULTIPART_NO_FILE;
        if (part == PART_FILE)
            return MULTIPART_FOUND;
        at = find_delimiter(scan, *start - 2);
    }
    return MULTIPART_MALFORMED;
}

static enum multipart_outcome copy_content(struct scan *scan, off_t start, struct media_writer *to)
{
    for (;;) {
        off_t body, at = start + to->end;
        /* The delimiter of an empty part starts with the line end of its headers. */
        off_t from = to->end == 0 ? start - 2 : at;
        size_t length = read_window(scan, from, WINDOW_SIZE);
        const char *found = memmem(scan->window, length, scan->delimiter, scan->delimiter_length);
        /* A delimiter may start at the end of the window. */
        size_t sure = found                             ? (size_t)(found - scan->window)
                      : length < scan->delimiter_length ? 0
                                                        : length - scan->delimiter_length + 1;
        size_t before = (size_t)(at - from);
        if (sure > before && !media_write(to, scan->window + before, sure - before))
            return MULTIPART_UNWRITABLE;
        if (found)
            return parse_part(scan, from + (off_t)(sure + scan->delimiter_length), &body) == PART_BAD
                       ? MULTIPART_MALFORMED
                       : MULTIPART_FOUND;
        if (length < WINDOW_SIZE)
            return MULTIPART_MALFORMED;
    }
}

static bool scan_init(struct scan *scan, int fd, off_t size, const char *boundary)
{
    *scan = (struct scan){.fd = fd, .size = size, .window = malloc(WINDOW_SIZE + 1)};
    int printed = snprintf(scan->delimiter, sizeof scan->delimiter, "\r\n--%s", boundary);
    scan->delimiter_length = (size_t)printed;
    return scan->window;
}

enum multipart_outcome multipart_find_start(int fd, off_t size, const char *boundary, off_t *start)
{
    struct scan scan;
    if (!*boundary)
        return MULTIPART_MALFORMED;
    if (!scan_init(&scan, fd, size, boundary))
        return MULTIPART_UNREADABLE;
    enum multipart_outcome outcome = find_start(&scan, start);
    int saved = errno;
    free(scan.window);
    errno = saved;
    return scan.failed ? MULTIPART_UNREADABLE : outcome;
}

enum multipart_outcome multipart_copy(int fd, off_t size, const char *boundary, off_t start,
                                      struct media_writer *to)
{
    struct scan scan;
    if (!scan_init(&scan, fd, size, boundary))
        return MULTIPART_UNREADABLE;
    enum multipart_outcome outcome = copy_content(&scan, start, to);
    int saved = errno;
    media_write_back(to);
    free(scan.window);
    errno = saved;
    return scan.failed ? MULTIPART_UNREADABLE : outcome;
}
