#include "arrivals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "container.h"
#include "log.h"

enum {
    ARRIVALS_MAX = 1024,
    NAME_SIZE = 24,         /* nginx names a body by a number */
    STEP = 4 * 1024 * 1024, /* as much as is worth a system call */
    BLOCK = 64 * 1024,      /* the last one may still be written to */
    LOOK_MS = 20,
    LOOK_MOST_MS = 640, /* often at first, less often at one that comes slowly */
};

struct arrival {
    char name[NAME_SIZE];
    off_t begun; /* the disk has begun with all before it */
    int64_t look_ms;
    int pause_ms;
};

struct arrivals {
    int inotify_fd, folder_fd;
    int count;
    struct arrival all[ARRIVALS_MAX];
};

struct arrivals *arrivals_open(const struct media *media)
{
    char path[MEDIA_PATH_SIZE];
    struct arrivals *arrivals = calloc(1, sizeof *arrivals);
    if (!arrivals)
        return NULL;
    media_incoming_path(media, path);
    arrivals->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    arrivals->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (arrivals->folder_fd >= 0 && arrivals->inotify_fd >= 0 &&
        inotify_add_watch(arrivals->inotify_fd, path, IN_CREATE | IN_ONLYDIR) >= 0)
        return arrivals;
    log_write(LOG_WARNING, "arrivals_failed", "reason=\"%s\"", strerror(errno));
    arrivals_close(arrivals);
    return NULL;
}

void arrivals_close(struct arrivals *arrivals)
{
    if (arrivals->folder_fd >= 0)
        close(arrivals->folder_fd);
    if (arrivals->inotify_fd >= 0)
        close(arrivals->inotify_fd);
    free(arrivals);
}

int arrivals_fd(const struct arrivals *arrivals)
{
    return arrivals->inotify_fd;
}

static void add(struct arrivals *arrivals, const char *name)
{
    size_t length = strlen(name);
    if (length >= NAME_SIZE || strspn(name, "0123456789") != length || arrivals->count == ARRIVALS_MAX)
        return;
    struct arrival *arrival = &arrivals->all[arrivals->count++];
    *arrival = (struct arrival){.look_ms = clock_ms() + LOOK_MS, .pause_ms = LOOK_MS};
    memcpy(arrival->name, name, length);
}

static void read_events(struct arrivals *arrivals)
{
    _Alignas(struct inotify_event) char events[4096];
    ssize_t length;
    while ((length = read(arrivals->inotify_fd, events, sizeof events)) > 0)
        for (ssize_t at = 0; at < length;) {
            const struct inotify_event *event = (const struct inotify_event *)(events + at);
            if (event->len > 0)
                add(arrivals, event->name);
            at += (ssize_t)(sizeof *event + event->len);
        }
}

/* Has the disk begin with what is new. False when there is nothing to come that would be worth it. */
static bool begin(const struct arrivals *arrivals, struct arrival *arrival, off_t size)
{
    unsigned char head[CONTAINER_HEAD];
    off_t end = size / BLOCK * BLOCK;
    int fd = openat(arrivals->folder_fd, arrival->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_film =
        arrival->begun > 0 || (pread(fd, head, sizeof head, 0) == sizeof head && container_begins(head));
    if (is_film)
        sync_file_range(fd, arrival->begun, end - arrival->begun, SYNC_FILE_RANGE_WRITE);
    close(fd);
    arrival->begun = end;
    return is_film;
}

/* Looks at one. False when it needn't be looked at any more. */
static bool look(const struct arrivals *arrivals, struct arrival *arrival)
{
    struct stat file;
    if (fstatat(arrivals->folder_fd, arrival->name, &file, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(file.st_mode))
        return false;
    bool grown = file.st_size - arrival->begun >= STEP;
    if (grown && !begin(arrivals, arrival, file.st_size))
        return false;
    arrival->pause_ms = grown                              ? LOOK_MS
                        : arrival->pause_ms < LOOK_MOST_MS ? 2 * arrival->pause_ms
                                                           : LOOK_MOST_MS;
    arrival->look_ms = clock_ms() + arrival->pause_ms;
    return true;
}

int arrivals_look(struct arrivals *arrivals)
{
    int next_ms = -1;
    read_events(arrivals);
    for (int i = 0; i < arrivals->count;) {
        struct arrival *arrival = &arrivals->all[i];
        if (clock_left_ms(arrival->look_ms) == 0 && !look(arrivals, arrival)) {
            *arrival = arrivals->all[--arrivals->count];
            continue;
        }
        int left_ms = clock_left_ms(arrival->look_ms);
        next_ms = next_ms < 0 || left_ms < next_ms ? left_ms : next_ms;
        i++;
    }
    return next_ms;
}
