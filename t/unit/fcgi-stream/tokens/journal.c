#include "fcgi-stream/tokens/journal.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/metrics/metrics.h"
#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

static struct config config = {.stream_tokens = 10, .upload_tokens = 10, .media_dir = ""};
static struct bucket *bucket;
static struct media media;
static struct views *views;
static struct journal *journal;

/* A line that releases the token of that name, or with "-" all tokens of request 7. */
#define LINE "07000000000000000000000000000000 42 1795485984.123 200 10 %s - -"

#define in_use_is(tokens, name) is_int(bucket_in_use(bucket, BUCKET_STREAM), tokens, name)

static int append_to(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        exit(2);
    return fd;
}

PRINTF_LIKE(2, 3)
static void write_line(int fd, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vdprintf(fd, format, arguments);
    va_end(arguments);
}

/* Takes a token for request 7. */
static const char *take(void)
{
    static char token[BUCKET_TOKEN_SIZE];
    const struct bucket_holder holder = {.request_id = {7}, .nginx_pid = getpid()};
    if (bucket_acquire(bucket, BUCKET_STREAM, &holder, token) != BUCKET_TAKEN)
        exit(2);
    return token;
}

/* Follows the journal and returns what was logged. */
static const char *follow(void)
{
    capture_begin(STDERR_FILENO);
    journal_follow(journal);
    return capture_end();
}

static void open_journal(void)
{
    bucket = bucket_open(&config);
    journal = bucket ? journal_open(&config, bucket, &media, views) : NULL;
    if (!journal)
        exit(2);
}

static void close_journal(void)
{
    journal_close(journal);
    bucket_close(bucket);
}

static bool is_readable(void)
{
    struct pollfd wanted = {.fd = journal_fd(journal), .events = POLLIN};
    return poll(&wanted, 1, 0) == 1;
}

static void test_release(int fd)
{
    ok(!is_readable(), "the descriptor of an unchanged journal is not readable");
    write_line(fd, LINE "\n", take());
    ok(is_readable(), "the descriptor is readable after a write");
    is_text(follow(), "", "applying a line logs nothing");
    in_use_is(0, "a line releases the token that it names");
    ok(!is_readable(), "the descriptor is not readable after the line was applied");

    take();
    take();
    write_line(fd, LINE "\n", "-");
    follow();
    in_use_is(0, "a line without a token releases all tokens of its request");
    write_line(fd, LINE "\n", "0.1.99");
    ok(strstr(follow(), "event=token_not_held token=0.1.99"), "a token that is not in use is logged");
}

static void test_room(int fd)
{
    struct stat file;
    write_line(fd, LINE "\n", take());
    follow();
    ok(fstat(fd, &file) == 0 && file.st_blocks * 512 > 500000, "memory is allocated for thousands of lines");
    ok(!journal_may_have_lost_lines(journal), "no line may have been lost");
}

static void test_partial(int fd)
{
    write_line(fd, LINE, take());
    follow();
    in_use_is(1, "a line without its line end is not applied");
    write_line(fd, "\n" LINE "\n", take());
    follow();
    in_use_is(0, "a completed line and the next one are applied");
    take();
    write_line(fd, "\nnonsense\n" LINE "\n", "-");
    ok(strstr(follow(), "event=journal_line_malformed length=8"), "a malformed line is logged");
    in_use_is(0, "the line after a malformed one is applied");
    write_line(fd, "07000000000000000000" LINE "\n", take());
    follow();
    in_use_is(0, "a line after the start of another one is applied");
    write_line(fd, "%s\n" LINE "\n", bytes_repeat('x', 150000), take());
    follow();
    in_use_is(0, "the line after an overlong one is applied");
}

static void test_restart(int fd)
{
    take();
    close_journal();
    write_line(fd, LINE "\n", "-");
    open_journal();
    follow();
    in_use_is(0, "a line written while the journal was closed is applied");
    take();
    close_journal();
    open_journal();
    follow();
    in_use_is(1, "a line is not applied again after a restart");
    write_line(fd, LINE "\n", "-");
    follow();
    in_use_is(0, "the next line after a restart is applied");
}

/* Writes the line of a request with that body file and chunk name ("-": none), logged at
 * that time. */
static void write_body_line(int fd, const char *upload, const char *path, int64_t time_ms)
{
    write_line(fd, "09000000000000000000000000000000 42 %lld.%03d 400 10 - %s %s\n",
               (long long)time_ms / 1000, (int)(time_ms % 1000), upload, path);
}

static bool survives(int fd, const char *name, int64_t time_ms)
{
    const char *path = scratch_path(name);
    close(scratch_file(name, "", 0));
    write_body_line(fd, "-", path, time_ms);
    follow();
    return access(path, F_OK) == 0;
}

static void test_bodies(int fd)
{
    int64_t now = clock_unix_ms();
    ok(!survives(fd, "media/incoming/0000000001", now + 1000), "a body that no worker took over is deleted");
    ok(survives(fd, "media/incoming/0000000002", now - 60000), "a body that changed after its line stays");
    ok(survives(fd, "media/elsewhere", now + 1000), "a file outside the incoming folder stays");
    write_body_line(fd, "-", scratch_path("media/incoming/gone"), now);
    is_text(follow(), "", "a body that was taken over is not logged");
}

static void test_chunks(int fd)
{
    static const char id[] = "ab8fad5b-d9cb-469f-a165-70867728950e";
    static const char saved[] = "media/incoming/ab8fad5b-d9cb-469f-a165-70867728950e.3";
    static const struct {
        const char *upload, *name;
        bool expected;
    } rows[] = {
        {"ab8fad5b-d9cb-469f-a165-70867728950e.3", "a chunk at the current offset is saved", true},
        {"ab8fad5b-d9cb-469f-a165-70867728950e.2", "a chunk before the current offset is not saved", false},
        {"ab8fad5b-d9cb-469f-a165-70867728950e.4", "a chunk beyond the current offset is not saved", false},
        {"ab8fad5b-d9cb-469f-a165-70867728950f.3", "a chunk of an unknown upload is not saved", false},
        {"../../../x", "a body with a malformed chunk name is not saved", false},
    };
    int64_t now = clock_unix_ms();
    char name[64];
    snprintf(name, sizeof name, "media/incoming/%s", id);
    close(scratch_file(name, "abc", 3));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = scratch_path("media/incoming/0000000003");
        close(scratch_file("media/incoming/0000000003", "def", 3));
        write_body_line(fd, rows[i].upload, path, now + 1000);
        follow();
        is_int(access(scratch_path(saved), F_OK) == 0, rows[i].expected, "%s", rows[i].name);
        ok(access(path, F_OK) != 0, "the body no longer has its own name");
        unlink(scratch_path(saved));
    }
}

/* Takes a token for a video and writes its journal line, with the token for an odd number
 * of bytes. */
static void send_video(int fd, int64_t video_id, int status, int bytes)
{
    const struct bucket_holder holder = {
        .request_id = {8}, .nginx_pid = getpid(), .client = 99, .video_id = video_id};
    char token[BUCKET_TOKEN_SIZE];
    if (bucket_acquire(bucket, BUCKET_STREAM, &holder, token) != BUCKET_TAKEN)
        exit(2);
    write_line(fd, "08000000000000000000000000000000 42 1795485984.123 %d %d %s - -\n", status, bytes,
               bytes % 2 ? token : "-");
    follow();
}

static void test_views(int fd)
{
    struct view counted[10];
    uint64_t position;
    long long before = metrics_get(METRIC_STREAM_BYTES);
    views_peek(views, counted, 10, &position);
    send_video(fd, 5, 200, 1001);
    send_video(fd, 6, 206, 1002);
    send_video(fd, 7, 404, 1003);
    send_video(fd, 8, 304, 0);
    send_video(fd, 0, 200, 1004);
    in_use_is(0, "the tokens of the videos are released");
    is_int((long long)views_peek(views, counted, 10, &position), 2,
           "only the bytes of successful video responses are queued");
    ok(counted[0].video_id == 5 && counted[0].client == 99 && counted[0].bytes == 1001,
       "the view of a line with a token is queued");
    ok(counted[1].video_id == 6 && counted[1].client == 99 && counted[1].bytes == 1002,
       "the view of a line without a token is queued");
    is_int(metrics_get(METRIC_STREAM_BYTES) - before, 2003, "the bytes are added to the metric");
    for (int i = 0; i < 70000; i++)
        views_add(views, &counted[0]);
    send_video(fd, 9, 200, 1);
    in_use_is(0, "the token is released when the view queue is full");
}

static void test_holes(int fd)
{
    struct stat file;
    for (int i = 0; i < 30000; i++)
        write_line(fd, LINE "\n", "-");
    write_line(fd, LINE "\n", take());
    follow();
    in_use_is(0, "megabytes of lines are applied");
    ok(fstat(fd, &file) == 0 && file.st_size > 2000000, "the file is megabytes long");
    ok(file.st_blocks * 512 < 2600000, "the memory of applied lines is freed");
}

static void test_moved(int fd)
{
    const char *path = scratch_path("journal");
    ok(rename(path, scratch_path("moved")) == 0, "the journal is renamed");
    follow();
    write_line(fd, LINE "\n", take());
    follow();
    in_use_is(0, "lines written to the renamed journal are applied");
    int other = append_to(path);
    write_line(fd, LINE "\n", take());
    write_line(other, LINE "\n", take());
    follow();
    in_use_is(1, "after nginx has opened a new journal the previous one is read to its end");
    write_line(fd, LINE "\n", take());
    follow();
    in_use_is(0, "lines of the new journal and late lines of the previous one are applied");
    write_line(other, LINE "\n", take());
    ok(is_readable(), "the new journal is watched");
    follow();
    in_use_is(0, "further lines of the new journal are applied");
    close(other);
}

static void test_new_bucket(int fd)
{
    close_journal();
    unlink(scratch_path("bucket"));
    write_line(fd, LINE "\n", "0.0.0.1");
    open_journal();
    is_text(follow(), "", "lines of an earlier bucket are not applied");
    write_line(fd, LINE "\n", take());
    follow();
    in_use_is(0, "lines written after that are applied");
}

static void test_truncated(void)
{
    const char *path = scratch_path("journal");
    int fd = append_to(path);
    ok(truncate(path, 0) == 0, "the journal is truncated");
    write_line(fd, LINE "\n", take());
    follow();
    in_use_is(0, "a truncated journal is read from its beginning");
    ok(journal_may_have_lost_lines(journal), "after a truncation lines may have been lost");
    close(fd);
}

int main(void)
{
    config.run_dir = config.state_dir = scratch_dir();
    log_set_level(LOG_WARNING);
    views = views_open(&config);
    if (!views || !media_open(&media, &config))
        exit(2);
    open_journal();
    follow(); /* allocates memory, which causes an inotify event */
    follow();
    int fd = append_to(scratch_path("journal"));
    test_release(fd);
    test_room(fd);
    test_partial(fd);
    test_restart(fd);
    test_bodies(fd);
    test_chunks(fd);
    test_views(fd);
    test_holes(fd);
    test_new_bucket(fd);
    test_moved(fd);
    test_truncated();
    close(fd);
    close_journal();
    views_close(views);
    return done_testing();
}
