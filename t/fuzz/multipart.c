/* Bytes from outside: the boundary's content type up to the first line end, and the body behind it. */
#include "multipart.h"

#include <string.h>
#include <unistd.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char type[256], boundary[MULTIPART_BOUNDARY_SIZE];
    off_t start = -1, length = -1;
    const uint8_t *end = memchr(data, '\n', size);
    size_t type_length = end ? (size_t)(end - data) : 0;
    if (!end || type_length >= sizeof type)
        return 0;
    memcpy(type, data, type_length);
    type[type_length] = '\0';
    if (!multipart_type(type, boundary))
        return 0;
    size_t body = size - type_length - 1;
    int fd = fuzz_file(end + 1, body);
    if (multipart_find_file(fd, (off_t)body, boundary, &start, &length) == MULTIPART_FOUND)
        fuzz_require(start > 0 && length >= 0 && start + length <= (off_t)body);
    close(fd);
    return 0;
}
