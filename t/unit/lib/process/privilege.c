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

static void test_give(uid_t user)
{
    uid_t before = geteuid(), after = before == 0 ? user : before;
    const char *file = scratch_path("file"), *folder = scratch_path("folder"), *link = scratch_path("link");
    close(scratch_file("file", "", 0));
    ok(mkdir(folder, 0700) == 0 && symlink(file, link) == 0, "a file, a folder, a link to the file");
    ok(privilege_chown(USER, folder), "the folder is given to the user");
    is_int(owner_of(folder), after, "who has it then, unless there was nobody to give it");
    ok(privilege_chown(USER, link), "so is the link");
    is_int(owner_of(link), after, "itself");
    is_int(owner_of(file), before, "not what it leads to");
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
    ok(waitpid(child, &status, 0) == child && status == 0, "who becomes the user can't go back");
}

static void test_faults(void)
{
    if (geteuid() != 0)
        return;
    capture_begin(STDERR_FILENO);
    bool given = privilege_chown("no-such-user", scratch_path("file"));
    ok(!given & (strstr(capture_end(), "no_such_user") != NULL), "nobody is given nothing, which is logged");
    capture_begin(STDERR_FILENO);
    given = privilege_chown(USER, scratch_path("missing"));
    ok(!given & (strstr(capture_end(), "chown_failed") != NULL), "nor is what isn't there given to anybody");
    capture_begin(STDERR_FILENO);
    given = privilege_drop("no-such-user");
    ok(!given & (strstr(capture_end(), "no_such_user") != NULL), "and nobody can be nobody");
}

int main(void)
{
    const struct passwd *entry = getpwnam(USER);
    ok(entry, "there is a user");
    test_give(entry ? entry->pw_uid : 0);
    test_drop(entry ? entry->pw_uid : 0);
    test_faults();
    return done_testing();
}
