#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "t/fuzz/fuzz.h"

void fuzz_require(bool holds)
{
    if (!holds)
        abort();
}

int fuzz_file(const void *bytes, size_t size)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    fuzz_require(fd >= 0);
    fuzz_require(write(fd, bytes, size) == (ssize_t)size);
    return fd;
}
