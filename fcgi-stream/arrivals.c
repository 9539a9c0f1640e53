#include "arrivals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "container.h"
#include "form.h"
#include "log.h"

enum {
    ARRIVALS_MAX = 1024,
    NAME_SIZE = 24,         /* nginx names a body by a number */
    STEP = 4 * 1024 * 1024, /* as much as is worth a system call */
    BLOCK = 64 * 1024,      /* the last one may still be written to */
    COPY_MOST = 8 * STEP,   /* then it is another one's turn */
    LOOK_MS = 5,
    LOOK_MOST_MS = 640, /* often at first, less often at one that comes slowly */
};

struct arrival {
    char name[NAME_SIZE];
    off_t begun; /* the disk has begun with all before it */
    int64_t look_ms;
    int pause_ms;
};

struct arrivals {
    char folder[MEDIA_PATH_SIZE];
    int inotify_fd;
    int count;
    struct arrival all[ARRIVALS_MAX];
};

struct arrivals *arrivals_open(const struct media *media)
{
    struct arrivals *arrivals = calloc(1, sizeof *arrivals);
    if (!arrivals)
        return NULL;
    media_incoming_path(media, arrivals->folder);
    arrivals->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (arrivals->inotify_fd >= 0 &&
        inotify_add_watch(arrivals->inotify_fd, arrivals->folder, IN_CREATE | IN_ONLYDIR) >= 0)
        return arrivals;
    log_write(LOG_WARNING, "arrivals_failed", "reason=\"%s\"", strerror(errno));
    arrivals_close(arrivals);
    return NULL;
}

void arrivals_close(struct arrivals *arrivals)
{
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

enum kind { KIND_FILM, KIND_FORM, KIND_OTHER };

static enum kind kind_of(int fd)
{
    unsigned char head[CONTAINER_HEAD];
    if (pread(fd, head, sizeof head, 0) != sizeof head)
        return KIND_OTHER;
    if (container_begins(head))
        return KIND_FILM;
    return memcmp(head, "--", 2) == 0 ? KIND_FORM : KIND_OTHER;
}

/* Does what can be done with what is new. False when there is nothing to come that would be worth it. */
static bool begin(struct arrival *arrival, const char *path, off_t size)
{
    bool more = false;
    off_t end = size / BLOCK * BLOCK;
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    switch (kind_of(fd)) {
    case KIND_FILM:
        more = sync_file_range(fd, arrival->begun, end - arrival->begun, SYNC_FILE_RANGE_WRITE) == 0;
        break;
    case KIND_FORM:
        if (end > arrival->begun + COPY_MOST)
            end = arrival->begun + COPY_MOST;
        more = form_copy_arrived(fd, end, path, arrival->begun == 0);
        break;
    case KIND_OTHER: break;
    }
    close(fd);
    arrival->begun = end;
    return more;
}

/* Looks at one. False when it needn't be looked at any more. */
static bool look(const struct arrivals *arrivals, struct arrival *arrival)
{
    char path[MEDIA_PATH_SIZE + NAME_SIZE];
    struct stat file;
    snprintf(path, sizeof path, "%s/%s", arrivals->folder, arrival->name);
    if (lstat(path, &file) != 0 || !S_ISREG(file.st_mode))
        return false;
    bool grown = file.st_size - arrival->begun >= STEP;
    if (grown && !begin(arrival, path, file.st_size))
        return false;
    arrival->pause_ms = grown                              ? LOOK_MS
                        : arrival->pause_ms < LOOK_MOST_MS ? 2 * arrival->pause_ms
                                                           : LOOK_MOST_MS;
    arrival->look_ms = clock_ms() + arrival->pause_ms;
    return true;
}

/* The one that has waited longest to be looked at; NULL when there is none. */
static struct arrival *find_next(struct arrivals *arrivals)
{
    struct arrival *next = NULL;
    for (int i = 0; i < arrivals->count; i++)
        if (!next || arrivals->all[i].look_ms < next->look_ms)
            next = &arrivals->all[i];
    return next;
}

int arrivals_look(struct arrivals *arrivals)
{
    read_events(arrivals);
    struct arrival *next = find_next(arrivals);
    if (next && clock_left_ms(next->look_ms) == 0) {
        if (!look(arrivals, next))
            *next = arrivals->all[--arrivals->count];
        next = find_next(arrivals);
    }
    return next ? clock_left_ms(next->look_ms) : -1;
}
