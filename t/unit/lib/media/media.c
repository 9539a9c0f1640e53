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

#define KEY       "ab8fad5b-d9cb-469f-a165-70867728950e"
#define OTHER_KEY "cd8fad5b-d9cb-469f-a165-70867728950e"

static struct media media;

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* The path of a published file. */
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

/* Creates the incoming file with that content. */
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

static void is_rejected(const struct config *config, const char *reason, const char *name)
{
    capture_begin(STDERR_FILENO);
    bool opened = media_open(&media, config);
    const char *log = capture_end();
    ok(!opened, "%s", name);
    ok(strstr(log, reason), "the reason is logged");
}

static void test_open(void)
{
    const struct config by_state = {.state_dir = scratch_dir(), .media_dir = ""};
    ok(media_open(&media, &by_state), "the media folder is created");
    is_text(media.root, scratch_path("media"), "the default media folder is in the state folder");
    ok(exists(scratch_path("media/incoming")), "the incoming folder is created");
    int folders = 0;
    for (int i = 0; i < MEDIA_FOLDERS; i++) {
        char path[MEDIA_PATH_SIZE];
        snprintf(path, sizeof path, "%s/%02x", media.root, (unsigned)i);
        folders += exists(path);
    }
    is_int(folders, MEDIA_FOLDERS, "all folders for files are created");
    ok(media_open(&media, &by_state), "an existing media folder can be opened");

    const struct config by_name = {.state_dir = "/nowhere", .media_dir = scratch_path("elsewhere")};
    ok(media_open(&media, &by_name), "a configured media folder can be opened");
    is_text(media.root, scratch_path("elsewhere"), "the configured media folder is used");

    const struct config no_parent = {.media_dir = scratch_path("no/such/folder")};
    const struct config too_long = {.media_dir = bytes_repeat('x', 400)};
    is_rejected(&no_parent, "No such file or directory", "a media folder without a parent is rejected");
    is_rejected(&too_long, "VS_MEDIA_DIR is too long", "a path that is too long is rejected");
    ok(media_open(&media, &by_name), "the configured media folder can be opened again");
}

static void test_can_write(void)
{
    const struct media nowhere = {"/nowhere"}, read_only = {"/proc"};
    const struct config config = {.state_dir = "/nowhere", .media_dir = "/nowhere/media"};
    struct media found;
    ok(media_locate(&found, &config) && strcmp(found.root, "/nowhere/media") == 0,
       "media_locate sets the path of a folder that does not exist");
    ok(media_can_write(&media), "a file can be written to the media folder");
    is_int(count_files(scratch_path("elsewhere/incoming")), 0, "the test leaves no file");
    ok(!media_can_write(&nowhere) && errno == ENOENT, "a missing folder cannot be written to");
    ok(!media_can_write(&read_only), "a read-only folder cannot be written to");
}

static void test_name(void)
{
    char name[MEDIA_NAME_SIZE];
    media_name(KEY, name);
    is_text(name, "ab/" KEY, "the name of a file is its folder and its key");
    is_int(media_folder("00" KEY), 0, "the folder of 00 is the first");
    is_int(media_folder(KEY), 0xab, "the first two digits are the index of the folder");
    is_int(media_folder("ff" KEY), MEDIA_FOLDERS - 1, "the folder of ff is the last");
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
        is_int(media_is_incoming(&at, rows[i].path), rows[i].expected, "\"%s\" is an incoming path or not",
               rows[i].path);
}

static void test_free(void)
{
    static const struct media nowhere = {"/nowhere"};
    int64_t bytes = -1;
    ok(media_free_bytes(&media, &bytes), "the free bytes can be determined");
    ok(bytes > 0, "there are free bytes");
    ok(!media_free_bytes(&nowhere, &bytes), "the free bytes of a missing folder are an error");
    is_int(errno, ENOENT, "the error is ENOENT");
}

static off_t size_of(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 ? info.st_size : -1;
}

static void test_extract(void)
{
    char path[MEDIA_PATH_SIZE], again[MEDIA_PATH_SIZE], other[MEDIA_PATH_SIZE];
    struct stat info;
    int fd = media_create_extract(&media, KEY, path);
    ok(fd >= 0, "a file for the extracted part is created");
    ok(media_is_incoming(&media, path), "the extracted file is in incoming/");
    ok(fstat(fd, &info) == 0 && (info.st_mode & 0777) == 0600, "only the owner can read the extracted file");
    ok(write(fd, "begun", 5) == 5, "the extracted file can be written");
    int second = media_create_extract(&media, KEY, again);
    is_text(again, path, "a second extracted file of an upload has the same path");
    is_int(size_of(second), 0, "the second extracted file is empty");
    is_int(size_of(fd), 5, "the first extracted file is not changed");
    close(fd);
    close(second);
    close(media_create_extract(&media, OTHER_KEY, other));
    ok(strcmp(other, path) != 0, "another upload's extracted file has another path");
    media_discard_extract(&media, KEY);
    ok(!exists(path) && exists(other), "discarding one extracted file leaves the other");
    media_discard_extract(&media, KEY);
    media_discard_extract(&media, OTHER_KEY);
    ok(!exists(other), "the other one is discarded, too");
}

/* After a restart nginx gives its body files the same names again. */
static void test_reused_name(void)
{
    const char *body = incoming();
    int first = open(body, O_RDWR | O_CREAT, 0600);
    ok(rename(body, scratch_path("aside")) == 0, "the first body is renamed");
    int second = open(body, O_RDWR | O_CREAT, 0600);
    ok(!media_discard(first, body) && exists(body), "discarding the first body leaves the second");
    errno = 0;
    ok(!media_publish(&media, first, body, KEY) && errno == ESTALE, "the first body is not published");
    ok(exists(body) && !exists(path_of(KEY)), "the second body is where it was");
    ok(media_discard(second, body) && !exists(body), "the second body is discarded");
    ok(!media_discard(second, body), "discarding it again returns false");
    second = open(body, O_RDWR | O_CREAT, 0600);
    ok(media_discard(-1, body), "without a descriptor the path alone counts");
    ok(exists(scratch_path("aside")), "the renamed body stays");
    close(first);
    close(second);
}

/* A published file of 7 bytes. */
static void test_read(const char *key)
{
    struct buffer buffer = {0};
    struct stat file = {0};
    time_t modified = 0;
    buffer_text(&buffer, "<");
    ok(media_read(&media, key, 7, &buffer, &modified), "a published file can be read");
    buffer_char(&buffer, '\0');
    is_text(buffer.data, "<content", "the content is appended to the buffer");
    ok(stat(path_of(key), &file) == 0 && modified == file.st_mtim.tv_sec, "the modification time is set");
    size_t before = buffer.length;
    ok(!media_read(&media, key, 6, &buffer, &modified), "a file longer than expected is an error");
    ok(!media_read(&media, key, 8, &buffer, &modified), "a file shorter than expected is an error");
    ok(!media_read(&media, KEY, 7, &buffer, &modified), "a missing file is an error");
    is_int(buffer.length, before, "nothing is appended on an error");
    buffer_free(&buffer);
}

static void test_publish(void)
{
    char path[MEDIA_PATH_SIZE], content[16] = "";
    const char *key = "cd8fad5b-d9cb-469f-a165-70867728950e";
    int fd = create("content", path);
    ok(media_publish(&media, fd, path, key), "a file is published");
    close(fd);
    ok(!exists(path), "a published file leaves the incoming folder");
    fd = open(path_of(key), O_RDONLY);
    ok(fd >= 0 && read(fd, content, sizeof content - 1) == 7, "a published file has its final name");
    is_text(content, "content", "a published file is complete");
    close(fd);
    test_read(key);

    ok(media_remove(&media, key), "a file is removed");
    ok(!exists(path_of(key)), "a removed file does not exist");
    ok(media_sync(&media, key), "the removal can be made durable");
    ok(media_sync_all(&media), "all removals can be made durable");
    ok(media_remove(&media, key), "removing a missing file succeeds");
    ok(media_remove(&media, KEY), "removing another missing file succeeds");
    ok(media_sync(&media, KEY), "syncing the folder of a missing file succeeds");
}

static void test_faults(void)
{
    char path[MEDIA_PATH_SIZE], other[MEDIA_PATH_SIZE];
    const char *key = "ef8fad5b-d9cb-469f-a165-70867728950e";
    int fd = create("content", path);
    ok(!media_publish(&media, -1, path, key), "a file that cannot be synced is not published");
    is_int(errno, EBADF, "the error is EBADF");
    ok(exists(path), "a file that was not published keeps its name");
    ok(!media_publish(&media, fd, scratch_path("nothing"), key), "a missing file is not published");
    is_int(errno, ENOENT, "the error is ENOENT");
    ok(media_publish(&media, fd, path, key), "the same file can be published");
    close(fd);

    ok(rename(media.root, scratch_path("away")) == 0, "the media folder is renamed");
    ok(!media_remove(&media, key), "removing a file from a missing media folder fails");
    ok(!media_sync_all(&media), "syncing a missing media folder fails");
    is_int(errno, ENOENT, "the error is ENOENT");
    is_int(media_create_extract(&media, KEY, other), -1, "nothing can be created in a missing media folder");
    ok(mkdir(media.root, 0700) == 0, "an empty folder takes the place of the media folder");
    ok(!media_remove(&media, key), "removing a file from an empty media folder fails");
    ok(rmdir(media.root) == 0 && rename(scratch_path("away"), media.root) == 0,
       "the media folder is restored");
    ok(media_remove(&media, key), "the file can be removed after that");

    ok(mkdir(path_of(key), 0700) == 0, "a folder has the name of a file");
    ok(!media_remove(&media, key), "removing a folder fails");
    is_int(errno, EISDIR, "the error is EISDIR");
}

/* The files that a list passed to the callback; wrong counts those with an unexpected
 * name or time. */
struct listing {
    int count, wrong, max;
    const char *expected;
};

static bool record_file(void *context, const char *name, int64_t change_s)
{
    struct listing *listing = context;
    listing->wrong += strcmp(name, listing->expected) != 0 || time(NULL) - change_s > 60;
    return ++listing->count < listing->max;
}

static void test_list(void)
{
    char path[MEDIA_PATH_SIZE], folder[MEDIA_PATH_SIZE];
    struct listing listing = {.max = 100, .expected = KEY};
    ok(media_is_available(&media), "the media folder is available");
    ok(media_list(&media, record_file, &listing) && listing.count == 0,
       "an empty media folder can be listed");
    ok(!media_exists(&media, KEY), "a key without a file does not exist");
    int fd = create("content", path);
    ok(media_publish(&media, fd, path, KEY), "a file is published under the key");
    close(fd);
    ok(media_exists(&media, KEY), "the key of a published file exists");
    snprintf(folder, sizeof folder, "%s/ab/notes.txt", media.root);
    close(open(folder, O_WRONLY | O_CREAT, 0600));
    ok(media_list(&media, record_file, &listing), "a media folder with a file can be listed");
    is_int(listing.count, 1, "only the file with a key as its name is listed");
    is_int(listing.wrong, 0, "the file is listed with its key and time");
    unlink(folder);
    ok(media_remove(&media, KEY), "the listed file is removed");

    close(create("content", path));
    listing = (struct listing){.max = 1, .expected = strrchr(path, '/') + 1};
    ok(media_list_incoming(&media, record_file, &listing) && listing.count == 1,
       "an incoming file is listed");
    is_int(listing.wrong, 0, "an incoming file is listed with its name");
    ok(media_remove_incoming(&media, listing.expected), "an incoming file can be removed");
    ok(!media_remove_incoming(&media, listing.expected), "removing a missing incoming file fails");
    is_int(errno, ENOENT, "the error is ENOENT");

    ok(rename(media.root, scratch_path("away")) == 0, "the media folder is renamed");
    ok(!media_is_available(&media) && !media_list_incoming(&media, record_file, &listing),
       "a missing media folder is neither available nor listed");
    ok(rename(scratch_path("away"), media.root) == 0, "the media folder is restored");
}

/* Creates a file of 64-bit numbers, each of which is its own index. */
static int create_numbers(const char *name, uint64_t count)
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
    /* 20 MiB, which takes several copies. */
    const uint64_t count = 20 * 1024 * 128, skipped = 100;
    int from = create_numbers("from", count), to = scratch_file("to", "begin---", 8);
    ok(media_copy(from, (off_t)(8 * skipped), (off_t)(8 * (count - skipped)), to, 8),
       "a large part is copied");
    is_int(lseek(to, 0, SEEK_END), (long long)(8 * (count - skipped + 1)), "the copy has the right length");
    uint64_t wrong = 0, number;
    for (uint64_t at = 0; at < count - skipped; at += 97)
        wrong += pread(to, &number, sizeof number, (off_t)(8 * (at + 1))) != sizeof number ||
                 number != at + skipped;
    is_int((long long)wrong, 0, "every copied number is at its offset");
    ok(pread(to, &number, sizeof number, 0) == sizeof number && memcmp(&number, "begin---", 8) == 0,
       "the bytes before the copy are unchanged");
    errno = 0;
    ok(!media_copy(from, 8, (off_t)(8 * count), to, 0), "copying more than the source has fails");
    is_int(errno, EIO, "the error is EIO");
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
    test_reused_name();
    test_publish();
    test_copy();
    test_list();
    test_faults();
    return done_testing();
}
