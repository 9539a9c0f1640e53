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

/* A line that releases the token of that name; with "-" all tokens of request 7 are. */
#define LINE "07000000000000000000000000000000 42 1795485984.123 200 10 %s - -"

#define is_out(tokens, name) is_int(bucket_in_use(bucket, BUCKET_STREAM), tokens, name)

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

/* Follows the journal; returns what that logged. */
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
    ok(!is_readable(), "a journal to which nothing was written");
    write_line(fd, LINE "\n", take());
    ok(is_readable(), "says when something is");
    is_text(follow(), "", "following it logs nothing");
    is_out(0, "and a line gives back the token that it names");
    ok(!is_readable(), "that was all");

    take();
    take();
    write_line(fd, LINE "\n", "-");
    follow();
    is_out(0, "a line without a token gives back all of its request");
    write_line(fd, LINE "\n", "0.1.99");
    ok(strstr(follow(), "event=token_not_out token=0.1.99"), "a token that isn't out is logged");
}

static void test_room(int fd)
{
    struct stat file;
    write_line(fd, LINE "\n", take());
    follow();
    ok(fstat(fd, &file) == 0 && file.st_blocks * 512 > 500000, "there is room for thousands of lines");
    ok(!journal_may_have_lost_lines(journal), "so none is lost");
}

static void test_partial(int fd)
{
    write_line(fd, LINE, take());
    follow();
    is_out(1, "a line without its end is none yet");
    write_line(fd, "\n" LINE "\n", take());
    follow();
    is_out(0, "with its end it is, and so is the next one");
    take();
    write_line(fd, "\nnonsense\n" LINE "\n", "-");
    ok(strstr(follow(), "event=journal_line_unreadable length=8"), "what is no line is logged");
    is_out(0, "and does no harm to the next one");
    write_line(fd, "07000000000000000000" LINE "\n", take());
    follow();
    is_out(0, "a line that follows upon a part of another is read");
    write_line(fd, "%s\n" LINE "\n", bytes_repeat('x', 150000), take());
    follow();
    is_out(0, "nor does a line longer than any can be");
}

static void test_restart(int fd)
{
    take();
    close_journal();
    write_line(fd, LINE "\n", "-");
    open_journal();
    follow();
    is_out(0, "what was written while nobody followed is read");
    take();
    close_journal();
    open_journal();
    follow();
    is_out(1, "and what was read isn't read again");
    write_line(fd, LINE "\n", "-");
    follow();
    is_out(0, "the next line is");
}

/* A line of a request whose body is that file, a piece of an upload ("-": of none), logged at that time. */
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
    ok(!survives(fd, "media/incoming/0000000001", now + 1000), "a body that nobody took over is removed");
    ok(survives(fd, "media/incoming/0000000002", now - 60000), "one that changed since the line stays");
    ok(survives(fd, "media/elsewhere", now + 1000), "so does what isn't in the incoming folder");
    write_body_line(fd, "-", scratch_path("media/incoming/gone"), now);
    is_text(follow(), "", "a body that was taken over is nothing to log");
}

static void test_pieces(int fd)
{
    static const char id[] = "ab8fad5b-d9cb-469f-a165-70867728950e";
    static const char kept[] = "media/incoming/ab8fad5b-d9cb-469f-a165-70867728950e.3";
    static const struct {
        const char *upload, *name;
        bool expected;
    } rows[] = {
        {"ab8fad5b-d9cb-469f-a165-70867728950e.3", "a piece of an upload, where it is now, is kept", true},
        {"ab8fad5b-d9cb-469f-a165-70867728950e.2", "one for another place is not", false},
        {"ab8fad5b-d9cb-469f-a165-70867728950e.4", "nor is one of later", false},
        {"ab8fad5b-d9cb-469f-a165-70867728950f.3", "nor one of an upload that hasn't begun", false},
        {"../../../x", "nor something else", false},
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
        is_int(access(scratch_path(kept), F_OK) == 0, rows[i].expected, "%s", rows[i].name);
        ok(access(path, F_OK) != 0, "and has left its place");
        unlink(scratch_path(kept));
    }
}

/* Takes a token for a video, and logs what was sent for it. */
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
    is_out(0, "the tokens of videos come back");
    is_int((long long)views_peek(views, counted, 10, &position), 2, "what was sent of a video is counted");
    ok(counted[0].video_id == 5 && counted[0].client == 99 && counted[0].bytes == 1001, "by its token");
    ok(counted[1].video_id == 6 && counted[1].client == 99 && counted[1].bytes == 1002, "or its request");
    is_int(metrics_get(METRIC_STREAM_BYTES) - before, 2003, "and added up");
    for (int i = 0; i < 70000; i++)
        views_add(views, &counted[0]);
    send_video(fd, 9, 200, 1);
    is_out(0, "when there is no room to count it, the token comes back all the same");
}

static void test_holes(int fd)
{
    struct stat file;
    for (int i = 0; i < 30000; i++)
        write_line(fd, LINE "\n", "-");
    write_line(fd, LINE "\n", take());
    follow();
    is_out(0, "megabytes of lines are read");
    ok(fstat(fd, &file) == 0 && file.st_size > 2000000, "they are that long");
    ok(file.st_blocks * 512 < 2600000, "but no longer take the room");
}

static void test_moved(int fd)
{
    const char *path = scratch_path("journal");
    ok(rename(path, scratch_path("moved")) == 0, "the journal is moved away");
    follow();
    write_line(fd, LINE "\n", take());
    follow();
    is_out(0, "nginx still writes to it, and it is still followed");
    int other = append_to(path);
    write_line(fd, LINE "\n", take());
    write_line(other, LINE "\n", take());
    follow();
    is_out(1, "nginx opens a new one: the old one is read to its end");
    write_line(fd, LINE "\n", take());
    follow();
    is_out(0, "then the new one, and what a slow worker still writes to the old one");
    write_line(other, LINE "\n", take());
    ok(is_readable(), "which is watched");
    follow();
    is_out(0, "from then on");
    close(other);
}

static void test_new_bucket(int fd)
{
    close_journal();
    unlink(scratch_path("bucket"));
    write_line(fd, LINE "\n", "0.0.0.1");
    open_journal();
    is_text(follow(), "", "lines about an earlier bucket are not read");
    write_line(fd, LINE "\n", take());
    follow();
    is_out(0, "what is written from then on is");
}

static void test_truncated(void)
{
    const char *path = scratch_path("journal");
    int fd = append_to(path);
    ok(truncate(path, 0) == 0, "the journal is emptied");
    write_line(fd, LINE "\n", take());
    follow();
    is_out(0, "it is followed from its beginning");
    ok(journal_may_have_lost_lines(journal), "lines may have been lost");
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
    follow(); /* it keeps room, which the file's watcher is told of */
    follow();
    int fd = append_to(scratch_path("journal"));
    test_release(fd);
    test_room(fd);
    test_partial(fd);
    test_restart(fd);
    test_bodies(fd);
    test_pieces(fd);
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
