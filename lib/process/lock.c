#include "lib/process/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/process/privilege.h"

static bool make_run_dir(const struct config *config)
{
    if (mkdir(config->run_dir, 0755) == 0)
        return privilege_chown(config->user, config->run_dir);
    if (errno == EEXIST)
        return true;
    log_write(LOG_ERROR, "mkdir_failed", "path=%s reason=\"%s\"", config->run_dir, strerror(errno));
    return false;
}

bool lock_acquire(const struct config *config, const char *name)
{
    char path[256], file[64];
    snprintf(file, sizeof file, "%s.pid", name);
    if (!config_run_path(config, file, path, sizeof path)) {
        log_write(LOG_ERROR, "lock_failed", "reason=\"VS_RUN_DIR is too long\"");
        return false;
    }
    if (!make_run_dir(config))
        return false;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0) {
        bool taken = fd >= 0 && (errno == EACCES || errno == EAGAIN);
        log_write(LOG_ERROR, "lock_failed", "path=%s reason=\"%s\"", path,
                  taken ? "another instance is running" : strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    /* The descriptor stays open: closing it would release the lock. */
    if (ftruncate(fd, 0) == 0 && dprintf(fd, "%d\n", (int)getpid()) > 0)
        return true;
    log_write(LOG_ERROR, "lock_failed", "path=%s reason=\"%s\"", path, strerror(errno));
    return false;
}
