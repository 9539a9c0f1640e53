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

enum { MIB = 1024 * 1024, DEADLINE_MS = 20 * 1000, SHORT_MS = 100 };

static struct media media;
static struct early_writeback *writeback;

/* The last call of sync_file_range, which this test replaces. */
static struct {
    int count;
    long long offset, length;
    unsigned flags;
} started;

int sync_file_range(int fd, off_t offset, off_t length, unsigned flags)
{
    (void)fd;
    started.count++;
    started.offset = offset;
    started.length = length;
    started.flags = flags;
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[MEDIA_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/incoming/%s", media.root, name);
    return path;
}

/* Creates a file in incoming/ with these bytes. */
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

/* Steps until write-back has been started that often, nothing is arriving any more, or
 * the time is over. Returns the result of the last step. */
static int step_until(int count, int timeout_ms)
{
    int64_t deadline_ms = clock_ms() + timeout_ms;
    int next_ms = early_writeback_step(writeback);
    while (started.count < count && next_ms >= 0 && clock_left_ms(deadline_ms) > 0) {
        poll(NULL, 0, next_ms);
        next_ms = early_writeback_step(writeback);
    }
    return next_ms;
}

static void expect_started(int count, long long offset, long long length, const char *name)
{
    int next_ms = step_until(count, DEADLINE_MS);
    is_int(started.count, count, "%s", name);
    is_int(started.offset, offset, "write-back starts at the expected offset");
    is_int(started.length, length, "write-back has the expected length");
    is_int(started.flags, SYNC_FILE_RANGE_WRITE, "write-back is started without waiting");
    ok(next_ms >= 0, "the file is still watched");
}

#define FTYP                                                                                                 \
    "\0\0\0\x20"                                                                                             \
    "ftypisom\0\0\0\0"
#define EBML "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81"

static void test_mp4(void)
{
    started.count = 0;
    is_int(early_writeback_step(writeback), -1, "nothing is watched while nothing arrives");
    arrive("0000000001", FTYP, 16);
    grow("0000000001", MIB);
    ok(step_until(1, SHORT_MS) >= 0, "an arriving video is watched");
    is_int(started.count, 0, "write-back is not started for too few bytes");
    grow("0000000001", 6 * MIB + 100);
    expect_started(1, 0, 6 * MIB, "write-back of an MP4 starts when enough has arrived");
    grow("0000000001", 8 * MIB);
    step_until(2, SHORT_MS);
    is_int(started.count, 1, "write-back is not started again for a few more bytes");
    grow("0000000001", 20 * MIB + 65536);
    expect_started(2, 6 * MIB, 14 * MIB + 65536,
                   "write-back of the new bytes starts when enough has arrived");
    unlink(path_of("0000000001"));
    is_int(step_until(3, DEADLINE_MS), -1, "a file that was renamed or deleted is no longer watched");
    is_int(started.count, 2, "write-back is not started for a deleted file");
}

static void test_webm(void)
{
    started.count = 0;
    arrive("0000000002", EBML, 16);
    grow("0000000002", 5 * MIB);
    expect_started(1, 0, 5 * MIB, "write-back of a WebM is started");
    unlink(path_of("0000000002"));
}

static void test_several(void)
{
    char name[32];
    started.count = 0;
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "00000001%02d", i);
        arrive(name, FTYP, 16);
        grow(name, 5 * MIB);
    }
    expect_started(10, 0, 5 * MIB, "write-back of ten files is started");
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "00000001%02d", i);
        unlink(path_of(name));
    }
    is_int(step_until(11, DEADLINE_MS), -1, "nothing is watched after all have arrived");
}

static void test_slow(void)
{
    started.count = 0;
    arrive("0000000003", FTYP, 16);
    int64_t deadline_ms = clock_ms() + DEADLINE_MS;
    int next_ms = early_writeback_step(writeback), longest_ms = 0;
    while (next_ms >= 0 && longest_ms <= SHORT_MS && clock_left_ms(deadline_ms) > 0) {
        poll(NULL, 0, next_ms);
        next_ms = early_writeback_step(writeback);
        longest_ms = next_ms > longest_ms ? next_ms : longest_ms;
    }
    ok(longest_ms > SHORT_MS, "a file that grows slowly is checked less and less often");
    grow("0000000003", 5 * MIB);
    expect_started(1, 0, 5 * MIB, "write-back of a slow file is started");
    unlink(path_of("0000000003"));
}

static void test_others(void)
{
    static const struct {
        const char *name, *bytes, *what;
    } rows[] = {
        {"0000000004", "--boundary\r\nCont", "a form"},
        {"0000000005", "in the middle of a video", "a later chunk"},
        {"8fad5bab-d9cb-469f-a165-70867728950e", FTYP, "the file of a resumable upload"},
        {"ab8fad5b-d9cb-469f-a165-70867728950e.file", FTYP, "a file extracted from a form"},
        {"000000000000000000000000000", FTYP, "a file with a long name"},
    };
    started.count = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        arrive(rows[i].name, rows[i].bytes, 16);
        grow(rows[i].name, 5 * MIB);
        is_int(step_until(1, DEADLINE_MS), -1, "%s is not watched", rows[i].what);
        is_int(started.count, 0, "write-back is not started for it");
    }
    if (symlink(path_of("0000000005"), scratch_path("media/incoming/0000000007")) != 0)
        perror("symlink");
    is_int(step_until(1, DEADLINE_MS), -1, "a symbolic link is not watched");
}

static void test_failure(void)
{
    const struct media nowhere = {"/nowhere"};
    capture_begin(STDERR_FILENO);
    struct early_writeback *none = early_writeback_open(&nowhere);
    const char *log = capture_end();
    ok(!none && strstr(log, "event=early_writeback_failed"), "a missing folder is logged");
}

int main(void)
{
    const struct config config = {.state_dir = scratch_dir(), .media_dir = ""};
    writeback = media_open(&media, &config) ? early_writeback_open(&media) : NULL;
    if (!writeback)
        return 2;
    ok(early_writeback_fd(writeback) >= 0, "there is a descriptor to poll");
    test_mp4();
    test_webm();
    test_several();
    test_slow();
    test_others();
    test_failure();
    early_writeback_close(writeback);
    return done_testing();
}
