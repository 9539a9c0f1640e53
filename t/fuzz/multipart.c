/* Bytes from outside: the boundary's content type up to the first line end, and the body behind it. What is known of the
 * film when a part of the body has arrived must still hold when all of it has. */
#include "multipart.h"

#include <string.h>
#include <unistd.h>

#include "fuzz.h"

enum { STEPS = 5 };

/* Where the film ends, looked for in one go; -1 when it is cut off. */
static off_t end_of(int fd, off_t size, const char *boundary, off_t start)
{
    off_t end = -1;
    bool found = multipart_find_end(fd, size, boundary, start, start, &end) == MULTIPART_FOUND;
    fuzz_require(end >= start && (!found || end <= size));
    return found ? end : -1;
}

/* The same step by step, as much as there is for the time being. */
static off_t end_by_steps(int fd, off_t size, const char *boundary, off_t start)
{
    off_t end = start;
    bool found = false;
    for (off_t step = 1; step <= STEPS; step++) {
        off_t arrived = size * step / STEPS, early_start = -1;
        if (multipart_find_start(fd, arrived, boundary, &early_start) != MULTIPART_FOUND)
            continue;
        fuzz_require(early_start == start);
        found = multipart_find_end(fd, arrived, boundary, start, end, &end) == MULTIPART_FOUND;
    }
    return found ? end : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char type[256], boundary[MULTIPART_BOUNDARY_SIZE], first[MULTIPART_BOUNDARY_SIZE];
    off_t start = -1;
    const uint8_t *line_end = memchr(data, '\n', size);
    size_t type_length = line_end ? (size_t)(line_end - data) : 0;
    if (!line_end || type_length >= sizeof type)
        return 0;
    memcpy(type, data, type_length);
    type[type_length] = '\0';
    if (!multipart_type(type, boundary))
        return 0;
    off_t body = (off_t)(size - type_length - 1);
    int fd = fuzz_file(line_end + 1, (size_t)body);
    if (multipart_first_line(fd, first))
        fuzz_require(*first && strlen(first) < sizeof first);
    if (multipart_find_start(fd, body, boundary, &start) == MULTIPART_FOUND) {
        fuzz_require(start > 0 && start <= body);
        fuzz_require(end_of(fd, body, boundary, start) == end_by_steps(fd, body, boundary, start));
    }
    close(fd);
    return 0;
}
