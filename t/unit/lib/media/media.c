#include "lib/media/media.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

#define KEY "ab8fad5b-d9cb-469f-a165-70867728950e"

static struct media media;

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* The path of a key's file. */
static const char *path_of(const char *key)
{
    static char path[MEDIA_PATH_SIZE];
    char name[MEDIA_NAME_SIZE];
    media_name(key, name);
    snprintf(path, sizeof path, "%s/%s", media.root, name);
    return path;
}

/* The path of an incoming file. */
static const char *incoming(void)
{
    static char path[MEDIA_PATH_SIZE];
    snprintf(path, sizeof path, "%s/incoming/0000000001", media.root);
    return path;
}

/* Makes a file of that content that has arrived. */
static int create(const char *content, char path[MEDIA_PATH_SIZE])
{
    snprintf(path, MEDIA_PATH_SIZE, "%s", incoming());
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0 && write(fd, content, strlen(content)) < 0)
        perror("write");
    return fd;
}

static int count_files(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += entry->d_name[0] != '.' || strncmp(entry->d_name, ".probe", 6) == 0;
    if (dir)
        closedir(dir);
    return dir ? count : -1;
}

static void refuses(const struct config *config, const char *reason, const char *name)
{
    capture_begin(STDERR_FILENO);
    bool opened = media_open(&media, config);
    const char *log = capture_end();
    ok(!opened, "%s", name);
    ok(strstr(log, reason), "which is logged");
}

static void test_open(void)
{
    const struct config by_state = {.state_dir = scratch_dir(), .media_dir = ""};
    ok(media_open(&media, &by_state), "the media folder is made");
    is_text(media.root, scratch_path("media"), "in the state folder when no other is set");
    ok(exists(scratch_path("media/incoming")), "with the incoming folder");
    int folders = 0;
    for (int i = 0; i < MEDIA_FOLDERS; i++) {
        char path[MEDIA_PATH_SIZE];
        snprintf(path, sizeof path, "%s/%02x", media.root, (unsigned)i);
        folders += exists(path);
    }
    is_int(folders, MEDIA_FOLDERS, "and all folders that files can go to");
    ok(media_open(&media, &by_state), "one that is there will do");

    const struct config by_name = {.state_dir = "/nowhere", .media_dir = scratch_path("elsewhere")};
    ok(media_open(&media, &by_name), "a folder of its own");
    is_text(media.root, scratch_path("elsewhere"), "is that");

    const struct config no_parent = {.media_dir = scratch_path("no/such/folder")};
    const struct config too_long = {.media_dir = bytes_repeat('x', 400)};
    refuses(&no_parent, "No such file or directory", "a folder in one that is missing can't be made");
    refuses(&too_long, "VS_MEDIA_DIR is too long", "a path too long is refused");
    ok(media_open(&media, &by_name), "back to the good one");
}

static void test_can_write(void)
{
    const struct media nowhere = {"/nowhere"}, read_only = {"/proc"};
    const struct config config = {.state_dir = "/nowhere", .media_dir = "/nowhere/media"};
    struct media found;
    ok(media_locate(&found, &config) && strcmp(found.root, "/nowhere/media") == 0, "to find makes nothing");
    ok(media_can_write(&media), "a file can be written");
    is_int(count_files(scratch_path("elsewhere/incoming")), 0, "none is left of it");
    ok(!media_can_write(&nowhere) && errno == ENOENT, "not where there is no folder");
    ok(!media_can_write(&read_only), "nor where there can be none");
}

static void test_name(void)
{
    char name[MEDIA_NAME_SIZE];
    media_name(KEY, name);
    is_text(name, "ab/" KEY, "a file's name: its first two digits, its key");
    is_int(media_folder("00" KEY), 0, "the first of the folders");
    is_int(media_folder(KEY), 0xab, "the one that the digits name");
    is_int(media_folder("ff" KEY), MEDIA_FOLDERS - 1, "and the last");
}

static void test_is_incoming(void)
{
    static const struct media at = {"/srv/media"};
    static const struct {
        const char *path;
        bool expected;
    } rows[] = {
        {"/srv/media/incoming/0000000001", true},
        {"/srv/media/incoming/a b", true},
        {"/srv/media/incoming/", false},
        {"/srv/media/incoming", false},
        {"/srv/media/incoming//a", false},
        {"/srv/media/incoming/.", false},
        {"/srv/media/incoming/..", false},
        {"/srv/media/incoming/.hidden", false},
        {"/srv/media/incoming/a/b", false},
        {"/srv/media/incoming/../ab/" KEY, false},
        {"/srv/media/incoming/a/../../x", false},
        {"/srv/media/ab/" KEY, false},
        {"/srv/media2/incoming/a", false},
        {"/srv/media/incoming2/a", false},
        {"/srv//media/incoming/a", false},
        {"srv/media/incoming/a", false},
        {"incoming/a", false},
        {"/incoming/a", false},
        {"/etc/passwd", false},
        {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_int(media_is_incoming(&at, rows[i].path), rows[i].expected, "incoming or not: \"%s\"",
               rows[i].path);
}

static void test_free(void)
{
    static const struct media nowhere = {"/nowhere"};
    int64_t bytes = -1;
    ok(media_free_bytes(&media, &bytes), "there is a disk");
    ok(bytes > 0, "with some room");
    ok(!media_free_bytes(&nowhere, &bytes), "where no folder is, there is none");
    is_int(errno, ENOENT, "for a reason");
}

static off_t size_of(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 ? info.st_size : -1;
}

static void test_extract(void)
{
    const char *body = incoming();
    char path[MEDIA_PATH_SIZE], again[MEDIA_PATH_SIZE];
    struct stat info;
    int nginx = open(body, O_WRONLY | O_CREAT, 0600);
    int fd = media_create_extract(body, path);
    ok(fd >= 0, "a file for what is extracted");
    ok(media_is_incoming(&media, path) && strcmp(path, body) != 0, "beside the body");
    ok(fstat(fd, &info) == 0 && (info.st_mode & 0777) == 0600, "no one else can read it");
    ok(write(fd, "begun", 5) == 5, "it can be written");
    int second = media_create_extract(body, again);
    is_text(again, path, "one that was left");
    is_int(size_of(second), 0, "is replaced");
    is_int(size_of(fd), 5, "and not changed");
    close(fd);
    close(second);
    ok(media_discard(body), "the body is discarded");
    ok(!exists(body) && !exists(path), "with what was extracted");
    ok(!media_discard(body), "only once");
    close(nginx);

    nginx = open(body, O_WRONLY | O_CREAT, 0600);
    close(media_create_extract(body, path));
    ok(rename(body, scratch_path("aside")) == 0, "a body gets another name");
    ok(!media_discard(body), "when it is discarded");
    ok(exists(scratch_path("aside")) && !exists(path), "it stays, but not what was extracted");
    close(nginx);

    char long_name[MEDIA_PATH_SIZE];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 2] = '\0';
    is_int(media_create_extract(long_name, path), -1, "a name that is too long");
    is_int(errno, ENAMETOOLONG, "is refused");
}

/* A published file of 7 bytes. */
static void test_read(const char *key)
{
    struct buffer buffer = {0};
    struct stat file = {0};
    time_t modified = 0;
    buffer_text(&buffer, "<");
    ok(media_read(&media, key, 7, &buffer, &modified), "it is read");
    buffer_char(&buffer, '\0');
    is_text(buffer.data, "<content", "all of it, behind what was there");
    ok(stat(path_of(key), &file) == 0 && modified == file.st_mtim.tv_sec, "with its time");
    size_t before = buffer.length;
    ok(!media_read(&media, key, 6, &buffer, &modified), "but not when it is longer than it should be");
    ok(!media_read(&media, key, 8, &buffer, &modified), "or shorter");
    ok(!media_read(&media, KEY, 7, &buffer, &modified), "nor one that isn't there");
    is_int(buffer.length, before, "then nothing is appended");
    buffer_free(&buffer);
}

static void test_publish(void)
{
    char path[MEDIA_PATH_SIZE], content[16] = "";
    const char *key = "cd8fad5b-d9cb-469f-a165-70867728950e";
    int fd = create("content", path);
    ok(media_publish(&media, fd, path, key), "a file is published");
    close(fd);
    ok(!exists(path), "it has left the incoming folder");
    fd = open(path_of(key), O_RDONLY);
    ok(fd >= 0 && read(fd, content, sizeof content - 1) == 7, "it is where its key says");
    is_text(content, "content", "whole");
    close(fd);
    test_read(key);

    ok(media_remove(&media, key), "it is removed");
    ok(!exists(path_of(key)), "and gone");
    ok(media_sync(&media, key), "for good");
    ok(media_sync_all(&media), "and so is all else");
    ok(media_remove(&media, key), "once more is done");
    ok(media_remove(&media, KEY), "so is a file in a folder that there never was");
    ok(media_sync(&media, KEY), "which is as good as durable");
}

static void test_faults(void)
{
    char path[MEDIA_PATH_SIZE], other[MEDIA_PATH_SIZE];
    const char *key = "ef8fad5b-d9cb-469f-a165-70867728950e";
    int fd = create("content", path);
    ok(!media_publish(&media, -1, path, key), "what can't be made durable isn't published");
    is_int(errno, EBADF, "for a reason");
    ok(exists(path), "and stays where it was");
    ok(!media_publish(&media, fd, scratch_path("nothing"), key), "nor is what isn't there");
    is_int(errno, ENOENT, "for a reason");
    ok(media_publish(&media, fd, path, key), "a good one");
    close(fd);

    ok(rename(media.root, scratch_path("away")) == 0, "the whole media folder goes away");
    ok(!media_remove(&media, key), "then removing is a fault, not done");
    ok(!media_sync_all(&media), "nor can anything be made durable");
    is_int(errno, ENOENT, "for a reason");
    is_int(media_create_extract(incoming(), other), -1, "and nothing can come in");
    ok(mkdir(media.root, 0700) == 0, "an empty one, as where a disk should be mounted");
    ok(!media_remove(&media, key), "isn't it");
    ok(rmdir(media.root) == 0 && rename(scratch_path("away"), media.root) == 0, "the folder is back");
    ok(media_remove(&media, key), "and the file can be removed");

    ok(mkdir(path_of(key), 0700) == 0, "something else bears the name");
    ok(!media_remove(&media, key), "which is a fault");
    is_int(errno, EISDIR, "for a reason");
}

/* What a list has shown, in any order: how many, and the ages' and names' state. */
struct shown {
    int count, wrong, most;
    const char *expected;
};

static bool show(void *context, const char *name, int64_t change_s)
{
    struct shown *shown = context;
    shown->wrong += strcmp(name, shown->expected) != 0 || time(NULL) - change_s > 60;
    return ++shown->count < shown->most;
}

static void test_list(void)
{
    char path[MEDIA_PATH_SIZE], folder[MEDIA_PATH_SIZE];
    struct shown shown = {.most = 100, .expected = KEY};
    ok(media_is_available(&media), "the media folder is there");
    ok(media_list(&media, show, &shown) && shown.count == 0, "it is empty");
    ok(!media_exists(&media, KEY), "the key has no file");
    int fd = create("content", path);
    ok(media_publish(&media, fd, path, KEY), "until it has");
    close(fd);
    ok(media_exists(&media, KEY), "then there is one");
    snprintf(folder, sizeof folder, "%s/ab/notes.txt", media.root);
    close(open(folder, O_WRONLY | O_CREAT, 0600));
    ok(media_list(&media, show, &shown), "it can be listed");
    is_int(shown.count, 1, "alone, since what has no key for a name isn't shown");
    is_int(shown.wrong, 0, "by its key and with its time");
    unlink(folder);
    ok(media_remove(&media, KEY), "it is removed");

    close(create("content", path));
    shown = (struct shown){.most = 1, .expected = strrchr(path, '/') + 1};
    ok(media_list_incoming(&media, show, &shown) && shown.count == 1, "what arrives is listed for itself");
    is_int(shown.wrong, 0, "by its name");
    ok(media_remove_incoming(&media, shown.expected), "and can be removed");
    ok(!media_remove_incoming(&media, shown.expected), "once");
    is_int(errno, ENOENT, "for a reason");

    ok(rename(media.root, scratch_path("away")) == 0, "the whole media folder goes away");
    ok(!media_is_available(&media) && !media_list_incoming(&media, show, &shown), "which is told");
    ok(rename(scratch_path("away"), media.root) == 0, "the folder is back");
}

/* Each eight bytes of the file are their own place. */
static int numbers(const char *name, uint64_t count)
{
    int fd = scratch_file(name, "", 0);
    uint64_t block[1024];
    for (uint64_t at = 0; at < count; at += COUNT_OF(block)) {
        for (size_t i = 0; i < COUNT_OF(block); i++)
            block[i] = at + i;
        if (write(fd, block, sizeof block) != sizeof block)
            perror("write");
    }
    return fd;
}

static void test_copy(void)
{
    const uint64_t count = 20 * 1024 * 128, skipped = 100; /* 20 MiB, more than is copied in one go */
    int from = numbers("from", count), to = scratch_file("to", "begin---", 8);
    ok(media_copy(from, (off_t)(8 * skipped), (off_t)(8 * (count - skipped)), to, 8),
       "a large part is copied");
    is_int(lseek(to, 0, SEEK_END), (long long)(8 * (count - skipped + 1)), "all of it");
    uint64_t wrong = 0, number;
    for (uint64_t at = 0; at < count - skipped; at += 97)
        wrong += pread(to, &number, sizeof number, (off_t)(8 * (at + 1))) != sizeof number ||
                 number != at + skipped;
    is_int((long long)wrong, 0, "to its place");
    ok(pread(to, &number, sizeof number, 0) == sizeof number && memcmp(&number, "begin---", 8) == 0,
       "and nowhere else");
    errno = 0;
    ok(!media_copy(from, 8, (off_t)(8 * count), to, 0), "more than there is can't be copied");
    is_int(errno, EIO, "for a reason");
    close(from);
    close(to);
}

int main(void)
{
    test_open();
    test_can_write();
    test_name();
    test_is_incoming();
    test_free();
    test_extract();
    test_publish();
    test_copy();
    test_list();
    test_faults();
    return done_testing();
}
