#include "fcgi-stream/uploads/early_writeback.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

enum { MIB = 1024 * 1024, DEADLINE_MS = 20 * 1000, ENOUGH_MS = 100 };

static struct media media;
static struct early_writeback *writeback;

/* What the disk was asked to begin with, instead of the kernel. */
static struct {
    int count;
    long long offset, length;
    unsigned flags;
} begun;

int sync_file_range(int fd, off_t offset, off_t length, unsigned flags)
{
    (void)fd;
    begun.count++;
    begun.offset = offset;
    begun.length = length;
    begun.flags = flags;
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[MEDIA_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/incoming/%s", media.root, name);
    return path;
}

/* Begins a file in incoming/ with these bytes. */
static void arrive(const char *name, const char *bytes, size_t length)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length)
        perror(name);
    close(fd);
}

static void grow(const char *name, off_t size)
{
    if (truncate(path_of(name), size) != 0)
        perror(name);
}

/* Looks as often as it wants to be called, until so many beginnings have been made, or for the time. Returns what the
 * last look has said. */
static int look_until(int count, int most_ms)
{
    int64_t deadline_ms = clock_ms() + most_ms;
    int next_ms = early_writeback_step(writeback);
    while (begun.count < count && next_ms >= 0 && clock_left_ms(deadline_ms) > 0) {
        poll(NULL, 0, next_ms);
        next_ms = early_writeback_step(writeback);
    }
    return next_ms;
}

static void begins(int count, long long offset, long long length, const char *name)
{
    int next_ms = look_until(count, DEADLINE_MS);
    is_int(begun.count, count, "%s", name);
    is_int(begun.offset, offset, "from there");
    is_int(begun.length, length, "so much");
    is_int(begun.flags, SYNC_FILE_RANGE_WRITE, "without waiting");
    ok(next_ms >= 0, "and it will be looked at again");
}

#define FTYP                                                                                                 \
    "\0\0\0\x20"                                                                                             \
    "ftypisom\0\0\0\0"
#define EBML "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81"

static void test_film(void)
{
    begun.count = 0;
    is_int(early_writeback_step(writeback), -1, "nothing is arriving, nothing will be done");
    arrive("0000000001", FTYP, 16);
    grow("0000000001", MIB);
    ok(look_until(1, ENOUGH_MS) >= 0, "a film is arriving");
    is_int(begun.count, 0, "of which there is too little");
    grow("0000000001", 6 * MIB + 100);
    begins(1, 0, 6 * MIB, "there is more of it");
    grow("0000000001", 8 * MIB);
    look_until(2, ENOUGH_MS);
    is_int(begun.count, 1, "a little more");
    grow("0000000001", 20 * MIB + 65536);
    begins(2, 6 * MIB, 14 * MIB + 65536, "much more");
    unlink(path_of("0000000001"));
    is_int(look_until(3, DEADLINE_MS), -1, "it has arrived, nothing will be done");
    is_int(begun.count, 2, "or begun with");
}

static void test_webm(void)
{
    begun.count = 0;
    arrive("0000000002", EBML, 16);
    grow("0000000002", 5 * MIB);
    begins(1, 0, 5 * MIB, "a WebM");
    unlink(path_of("0000000002"));
}

static void test_several(void)
{
    char name[32];
    begun.count = 0;
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "00000001%02d", i);
        arrive(name, FTYP, 16);
        grow(name, 5 * MIB);
    }
    begins(10, 0, 5 * MIB, "ten at a time");
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "00000001%02d", i);
        unlink(path_of(name));
    }
    is_int(look_until(11, DEADLINE_MS), -1, "all have arrived");
}

static void test_slow(void)
{
    begun.count = 0;
    arrive("0000000003", FTYP, 16);
    int64_t deadline_ms = clock_ms() + DEADLINE_MS;
    int next_ms = early_writeback_step(writeback), longest_ms = 0;
    while (next_ms >= 0 && longest_ms <= ENOUGH_MS && clock_left_ms(deadline_ms) > 0) {
        poll(NULL, 0, next_ms);
        next_ms = early_writeback_step(writeback);
        longest_ms = next_ms > longest_ms ? next_ms : longest_ms;
    }
    ok(longest_ms > ENOUGH_MS, "one that comes slowly is looked at less and less often");
    grow("0000000003", 5 * MIB);
    begins(1, 0, 5 * MIB, "but it is");
    unlink(path_of("0000000003"));
}

static void test_others(void)
{
    static const struct {
        const char *name, *bytes, *what;
    } rows[] = {
        {"0000000004", "--boundary\r\nCont", "a form"},
        {"0000000005", "a piece of a film", "a later piece"},
        {"8fad5bab-d9cb-469f-a165-70867728950e", FTYP, "an upload in pieces"},
        {"0000000006.part", FTYP, "what was taken out of a form"},
        {"000000000000000000000000000", FTYP, "a long name"},
    };
    begun.count = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        arrive(rows[i].name, rows[i].bytes, 16);
        grow(rows[i].name, 5 * MIB);
        is_int(look_until(1, DEADLINE_MS), -1, "%s is left alone", rows[i].what);
        is_int(begun.count, 0, "by the disk");
    }
    if (symlink(path_of("0000000005"), scratch_path("media/incoming/0000000007")) != 0)
        perror("symlink");
    is_int(look_until(1, DEADLINE_MS), -1, "so is a symbolic link");
}

static void test_failure(void)
{
    const struct media nowhere = {"/nowhere"};
    capture_begin(STDERR_FILENO);
    struct early_writeback *none = early_writeback_open(&nowhere);
    const char *log = capture_end();
    ok(!none && strstr(log, "event=early_writeback_failed"), "without a folder it says so");
}

int main(void)
{
    const struct config config = {.state_dir = scratch_dir(), .media_dir = ""};
    writeback = media_open(&media, &config) ? early_writeback_open(&media) : NULL;
    if (!writeback)
        return 2;
    ok(early_writeback_fd(writeback) >= 0, "there is something to wait for");
    test_film();
    test_webm();
    test_several();
    test_slow();
    test_others();
    test_failure();
    early_writeback_close(writeback);
    return done_testing();
}
