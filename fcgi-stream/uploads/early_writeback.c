#include "fcgi-stream/uploads/early_writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi-stream/uploads/container.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

enum {
    ARRIVALS_MAX = 1024,
    NAME_SIZE = 24,               /* nginx names a body by a number */
    STEP_BYTES = 4 * 1024 * 1024, /* the least that is worth a system call */
    BLOCK_BYTES = 64 * 1024,      /* nginx may still be writing to the last block */
    INTERVAL_MIN_MS = 5,
    INTERVAL_MAX_MS = 640, /* doubled up to this for a file that grows slowly */
};

struct arrival {
    char name[NAME_SIZE];
    off_t started; /* write-back has been started up to here */
    int64_t next_check_ms;
    int interval_ms;
};

struct early_writeback {
    char folder[MEDIA_PATH_SIZE];
    int inotify_fd;
    int count;
    struct arrival arrivals[ARRIVALS_MAX];
};

struct early_writeback *early_writeback_open(const struct media *media)
{
    struct early_writeback *writeback = calloc(1, sizeof *writeback);
    if (!writeback)
        return NULL;
    media_incoming_path(media, writeback->folder);
    writeback->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (writeback->inotify_fd >= 0 &&
        inotify_add_watch(writeback->inotify_fd, writeback->folder, IN_CREATE | IN_ONLYDIR) >= 0)
        return writeback;
    log_write(LOG_WARNING, "early_writeback_failed", "reason=\"%s\"", strerror(errno));
    early_writeback_close(writeback);
    return NULL;
}

void early_writeback_close(struct early_writeback *writeback)
{
    if (writeback->inotify_fd >= 0)
        close(writeback->inotify_fd);
    free(writeback);
}

int early_writeback_fd(const struct early_writeback *writeback)
{
    return writeback->inotify_fd;
}

static void add_arrival(struct early_writeback *writeback, const char *name)
{
    size_t length = strlen(name);
    if (length >= NAME_SIZE || strspn(name, "0123456789") != length || writeback->count == ARRIVALS_MAX)
        return;
    struct arrival *arrival = &writeback->arrivals[writeback->count++];
    *arrival =
        (struct arrival){.next_check_ms = clock_ms() + INTERVAL_MIN_MS, .interval_ms = INTERVAL_MIN_MS};
    memcpy(arrival->name, name, length);
}

static void read_events(struct early_writeback *writeback)
{
    _Alignas(struct inotify_event) char events[4096];
    ssize_t length;
    while ((length = read(writeback->inotify_fd, events, sizeof events)) > 0)
        for (ssize_t at = 0; at < length;) {
            const struct inotify_event *event = (const struct inotify_event *)(events + at);
            if (event->len > 0)
                add_arrival(writeback, event->name);
            at += (ssize_t)(sizeof *event + event->len);
        }
}

static bool is_video(int fd)
{
    unsigned char head[CONTAINER_HEAD];
    return pread(fd, head, sizeof head, 0) == sizeof head && container_begins(head);
}

/* Starts write-back of the new bytes. Returns false when the file is not to be watched
 * any longer: it is gone, not a video, or write-back is not possible. */
static bool start_writeback(struct arrival *arrival, const char *path, off_t size)
{
    off_t end = size / BLOCK_BYTES * BLOCK_BYTES;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool watch = is_video(fd) &&
                 sync_file_range(fd, arrival->started, end - arrival->started, SYNC_FILE_RANGE_WRITE) == 0;
    close(fd);
    arrival->started = end;
    return watch;
}

/* Checks how far a file has grown. Returns false when it is not to be watched any
 * longer. */
static bool check_arrival(const struct early_writeback *writeback, struct arrival *arrival)
{
    char path[MEDIA_PATH_SIZE + NAME_SIZE];
    struct stat file;
    snprintf(path, sizeof path, "%s/%s", writeback->folder, arrival->name);
    if (lstat(path, &file) != 0 || !S_ISREG(file.st_mode))
        return false;
    bool grown = file.st_size - arrival->started >= STEP_BYTES;
    if (grown && !start_writeback(arrival, path, file.st_size))
        return false;
    arrival->interval_ms = grown                                    ? INTERVAL_MIN_MS
                           : arrival->interval_ms < INTERVAL_MAX_MS ? 2 * arrival->interval_ms
                                                                    : INTERVAL_MAX_MS;
    arrival->next_check_ms = clock_ms() + arrival->interval_ms;
    return true;
}

/* The arrival that is to be checked first; NULL when there is none. */
static struct arrival *find_next(struct early_writeback *writeback)
{
    struct arrival *next = NULL;
    for (int i = 0; i < writeback->count; i++)
        if (!next || writeback->arrivals[i].next_check_ms < next->next_check_ms)
            next = &writeback->arrivals[i];
    return next;
}

int early_writeback_step(struct early_writeback *writeback)
{
    read_events(writeback);
    struct arrival *next = find_next(writeback);
    if (next && clock_left_ms(next->next_check_ms) == 0) {
        if (!check_arrival(writeback, next))
            *next = writeback->arrivals[--writeback->count];
        next = find_next(writeback);
    }
    return next ? clock_left_ms(next->next_check_ms) : -1;
}
