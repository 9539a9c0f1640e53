#include "fcgi-stream/tokens/process_start.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* proc(5): starttime is field 22 of /proc/PID/stat. Fields are counted from the end of
 * the name, field 2, which may contain spaces and parentheses. */
enum { FIELD_STATE = 3, FIELD_START = 22 };

uint64_t process_start(pid_t pid)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    const char *field = strrchr(text, ')');
    if (!field || field[1] == '\0' || field[2] == 'Z')
        return 0; /* a zombie is dead */
    field += 2;
    for (int i = FIELD_STATE; field && i < FIELD_START; i++) {
        field = strchr(field, ' ');
        field = field ? field + 1 : NULL;
    }
    return field ? strtoull(field, NULL, 10) : 0;
}
