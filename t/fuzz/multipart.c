/* Input: the content type up to the first line end, and the body after it. A file that is
 * copied in steps while the body arrives must equal the one that is copied at once. */
#include "fcgi-stream/uploads/multipart.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/fuzz/fuzz.h"

enum { STEPS = 5 };

struct extract {
    bool whole;
    off_t length;
    char *bytes;
};

/* Copies the file in that many steps. */
static struct extract extract_file(int fd, off_t size, const char *boundary, off_t start, int steps)
{
    struct media_writer copy = {.fd = fuzz_file("", 0)};
    struct extract extract = {0};
    for (int step = 1; step <= steps; step++) {
        off_t arrived = size * step / steps, early_start = -1;
        if (multipart_find_start(fd, arrived, boundary, &early_start) != MULTIPART_FOUND)
            continue;
        fuzz_require(early_start == start);
        extract.whole = multipart_copy(fd, arrived, boundary, start, &copy) == MULTIPART_FOUND;
    }
    extract.length = copy.end;
    extract.bytes = malloc((size_t)copy.end + 1);
    fuzz_require(start + copy.end <= size &&
                 pread(copy.fd, extract.bytes, (size_t)copy.end + 1, 0) == (ssize_t)copy.end);
    close(copy.fd);
    return extract;
}

static void compare(int fd, off_t size, const char *boundary, off_t start)
{
    struct extract one = extract_file(fd, size, boundary, start, 1),
                   many = extract_file(fd, size, boundary, start, STEPS);
    char *bytes = malloc((size_t)one.length + 1);
    fuzz_require(one.whole == many.whole && one.length == many.length);
    fuzz_require(memcmp(one.bytes, many.bytes, (size_t)one.length) == 0);
    fuzz_require(pread(fd, bytes, (size_t)one.length, start) == (ssize_t)one.length);
    fuzz_require(memcmp(one.bytes, bytes, (size_t)one.length) == 0);
    free(one.bytes);
    free(many.bytes);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char type[256], boundary[MULTIPART_BOUNDARY_SIZE];
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
    if (multipart_find_start(fd, body, boundary, &start) == MULTIPART_FOUND) {
        fuzz_require(start > 0 && start <= body);
        compare(fd, body, boundary, start);
    }
    close(fd);
    return 0;
}
