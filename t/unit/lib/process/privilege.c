#include "lib/process/privilege.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

#define USER "www-data"

static uid_t owner_of(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 ? info.st_uid : (uid_t)-1;
}

static void test_chown(uid_t user)
{
    uid_t before = geteuid(), after = before == 0 ? user : before;
    const char *file = scratch_path("file"), *folder = scratch_path("folder"), *link = scratch_path("link");
    close(scratch_file("file", "", 0));
    ok(mkdir(folder, 0700) == 0 && symlink(file, link) == 0, "a file, a folder and a link exist");
    ok(privilege_chown(USER, folder), "the owner of a folder can be changed");
    is_int(owner_of(folder), after, "the folder belongs to the user, if the test runs as root");
    ok(privilege_chown(USER, link), "the owner of a link can be changed");
    is_int(owner_of(link), after, "the link belongs to the user, if the test runs as root");
    is_int(owner_of(file), before, "the target of the link keeps its owner");
}

static void test_drop(uid_t user)
{
    uid_t before = geteuid();
    int status;
    pid_t child = fork();
    if (child == 0) {
        bool dropped = privilege_drop(USER) && geteuid() == (before == 0 ? user : before);
        _exit(dropped && getuid() == geteuid() && (before != 0 || setuid(0) != 0) ? 0 : 1);
    }
    ok(waitpid(child, &status, 0) == child && status == 0, "dropped privileges cannot be regained");
}

static void test_faults(void)
{
    if (geteuid() != 0)
        return;
    capture_begin(STDERR_FILENO);
    bool done = privilege_chown("no-such-user", scratch_path("file"));
    ok(!done & (strstr(capture_end(), "no_such_user") != NULL), "an unknown owner is logged");
    capture_begin(STDERR_FILENO);
    done = privilege_chown(USER, scratch_path("missing"));
    ok(!done & (strstr(capture_end(), "chown_failed") != NULL), "a missing file is logged");
    capture_begin(STDERR_FILENO);
    done = privilege_drop("no-such-user");
    ok(!done & (strstr(capture_end(), "no_such_user") != NULL),
       "dropping privileges to an unknown user is logged");
}

int main(void)
{
    const struct passwd *entry = getpwnam(USER);
    ok(entry, "the user exists");
    test_chown(entry ? entry->pw_uid : 0);
    test_drop(entry ? entry->pw_uid : 0);
    test_faults();
    return done_testing();
}
