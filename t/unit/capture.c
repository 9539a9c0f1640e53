#include "t/unit/capture.h"

#include <stdio.h>
#include <unistd.h>

#include "t/unit/scratch.h"

static int captured, saved, file;

void capture_begin(int fd)
{
    fflush(NULL);
    captured = fd;
    saved = dup(fd);
    file = scratch_file("captured", "", 0);
    dup2(file, fd);
}

const char *capture_end(void)
{
    static char text[16 * 1024];
    fflush(NULL);
    ssize_t length = pread(file, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    dup2(saved, captured);
    close(saved);
    close(file);
    return text;
}
