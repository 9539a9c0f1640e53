#include "form.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

enum { LOCK_MS = 1000 }; /* that somebody who copies may take without getting on */

static bool has_name(int fd, const char *path)
{
    struct stat file, named;
    return fstat(fd, &file) == 0 && stat(path, &named) == 0 && named.st_ino == file.st_ino &&
           named.st_dev == file.st_dev;
}

/* Copies from where the part ends. One that is whole, and may have been published by now, stays as it is. */
static enum multipart_outcome go_on(int body, off_t size, const char *boundary, off_t start, int part,
                                    off_t *length)
{
    struct stat file;
    if (fstat(part, &file) != 0)
        return MULTIPART_UNWRITABLE;
    struct media_writer writer = {.fd = part, .end = file.st_size, .begun = file.st_size};
    enum multipart_outcome outcome = multipart_copy(body, size, boundary, start, &writer);
    *length = writer.end;
    return outcome;
}

bool form_copy_arrived(int body, off_t size, const char *path, bool first)
{
    char boundary[MULTIPART_BOUNDARY_SIZE], part_path[MEDIA_PATH_SIZE];
    off_t start, length;
    if (!multipart_first_line(body, boundary) ||
        multipart_find_start(body, size, boundary, &start) != MULTIPART_FOUND)
        return false;
    int part = media_open_part(body, path, first, part_path);
    if (part < 0)
        return false;
    bool more = has_name(body, path);
    if (!more)
        unlink(part_path); /* or it would stay */
    more = more && flock(part, LOCK_EX | LOCK_NB) == 0 &&
           go_on(body, size, boundary, start, part, &length) == MULTIPART_MALFORMED; /* cut off, so far */
    close(part);
    return more;
}

/* Waits for whoever copies, as long as that gets on. */
static bool lock(int part)
{
    struct stat file;
    off_t before = -1;
    int64_t deadline_ms = 0;
    while (flock(part, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || fstat(part, &file) != 0)
            return false;
        if (file.st_size != before)
            deadline_ms = clock_ms() + LOCK_MS;
        else if (clock_left_ms(deadline_ms) == 0)
            return false;
        before = file.st_size;
        poll(NULL, 0, 1);
    }
    return true;
}

/* Opens a part that somebody may have begun. */
static bool open_begun(int body, const char *path, const char *boundary, struct form_part *part)
{
    char begun[MULTIPART_BOUNDARY_SIZE];
    struct stat file;
    if (!multipart_first_line(body, begun) || strcmp(begun, boundary) != 0)
        return false;
    part->fd = media_open_part(body, path, true, part->path);
    if (part->fd < 0)
        return false;
    if (lock(part->fd) && fstat(part->fd, &file) == 0) {
        part->early = file.st_size;
        return true;
    }
    close(part->fd);
    return false;
}

enum multipart_outcome form_take(int body, off_t size, const char *path, const char *boundary,
                                 struct form_part *part)
{
    off_t start;
    *part = (struct form_part){.fd = -1};
    enum multipart_outcome outcome = multipart_find_start(body, size, boundary, &start);
    if (outcome != MULTIPART_FOUND)
        return outcome;
    if (!open_begun(body, path, boundary, part))
        part->fd = media_create_part(body, path, part->path);
    return part->fd < 0 ? MULTIPART_UNWRITABLE : go_on(body, size, boundary, start, part->fd, &part->length);
}
