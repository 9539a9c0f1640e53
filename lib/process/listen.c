#include "lib/process/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/log.h"

enum {
    SYSTEMD_FIRST_FD = 3,
    BACKLOG = 4096, /* when it is full, nginx responds with 502 */
};

static bool is_listening(int fd)
{
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

static int make_non_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? fd : -1;
}

/* systemd names a descriptor after its unit if it has no FileDescriptorName. */
static bool is_unit_name(const char *name, size_t length)
{
    static const char suffix[] = ".socket";
    size_t suffix_length = sizeof suffix - 1;
    return length > suffix_length && memcmp(name + length - suffix_length, suffix, suffix_length) == 0;
}

/* The index of name in the colon-separated list. If it isn't there and or_unnamed is
 * true, the index of the first descriptor named after its unit. -1 when there is none. */
static int find_name(const char *list, const char *name, bool or_unnamed)
{
    size_t length = strlen(name);
    int unnamed = -1;
    for (int at = 0; *list; at++) {
        size_t item = strcspn(list, ":");
        if (item == length && memcmp(list, name, length) == 0)
            return at;
        if (or_unnamed && unnamed < 0 && is_unit_name(list, item))
            unnamed = at;
        list += item + (list[item] == ':');
    }
    return unnamed;
}

static int from_systemd(const char *name, bool first)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    if (!pid || !count || strtol(pid, NULL, 10) != getpid())
        return -1;
    int at = names && *names ? find_name(names, name, first) : first ? 0 : -1;
    return at >= 0 && at < strtol(count, NULL, 10) ? SYSTEMD_FIRST_FD + at : -1;
}

int listen_inherited(const char *name, bool first)
{
    int fd = from_systemd(name, first);
    if (fd < 0 && first)
        fd = STDIN_FILENO;
    return fd >= 0 && is_listening(fd) ? make_non_blocking(fd) : -1;
}

static int fail(const char *path, int fd)
{
    log_write(LOG_ERROR, "listen_failed", "path=%s reason=\"%s\"", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return fail(path, -1);
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || (unlink(path) != 0 && errno != ENOENT))
        return fail(path, fd);
    mode_t mask = umask(0117);
    int bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (bound != 0 || listen(fd, BACKLOG) != 0)
        return fail(path, fd);
    return fd;
}
