/* Input: a file that may be a video. */
#include "fcgi-stream/uploads/container.h"

#include <string.h>
#include <unistd.h>

#include "t/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *type = NULL;
    int fd = fuzz_file(data, size);
    fuzz_require(container_type(fd, (off_t)size, &type));
    fuzz_require(!type || strcmp(type, "video/mp4") == 0 || strcmp(type, "video/webm") == 0);
    close(fd);
    return 0;
}
