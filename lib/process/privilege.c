#include "lib/process/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/base/log.h"

static const struct passwd *find_user(const char *user)
{
    const struct passwd *entry = getpwnam(user);
    if (!entry)
        log_write(LOG_ERROR, "no_such_user", "user=%s setting=VS_USER", user);
    return entry;
}

bool privilege_chown(const char *user, const char *path)
{
    if (geteuid() != 0)
        return true;
    const struct passwd *entry = find_user(user);
    if (!entry)
        return false;
    /* The folder belongs to the user, who could have put a symbolic link there. */
    if (lchown(path, entry->pw_uid, entry->pw_gid) == 0)
        return true;
    log_write(LOG_ERROR, "chown_failed", "path=%s reason=\"%s\"", path, strerror(errno));
    return false;
}

static bool switch_user(const struct passwd *entry)
{
    int death_signal = 0; /* set by the parent process; a change of user clears it */
    prctl(PR_GET_PDEATHSIG, &death_signal);
    if (initgroups(entry->pw_name, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
        setuid(entry->pw_uid) != 0)
        return false;
    prctl(PR_SET_PDEATHSIG, death_signal);
#ifdef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 1); /* LeakSanitizer ptraces its own process */
#endif
    return true;
}

bool privilege_drop(const char *user)
{
    if (geteuid() != 0)
        return true;
    const struct passwd *entry = find_user(user);
    if (!entry)
        return false;
    if (switch_user(entry))
        return true;
    log_write(LOG_ERROR, "setuid_failed", "user=%s reason=\"%s\"", user, strerror(errno));
    return false;
}
