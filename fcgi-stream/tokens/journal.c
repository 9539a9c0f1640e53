#include "fcgi-stream/tokens/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "fcgi-stream/tokens/journal_line.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/media/media_upload.h"
#include "lib/metrics/metrics.h"

enum {
    READ_SIZE = 64 * 1024,
    LINE_SIZE = 4096,
    PUNCH_BYTES = 1024 * 1024,     /* a multiple of the page size */
    RESERVE_BYTES = 1024 * 1024,   /* kept allocated behind the last line */
    RESERVE_LOW_BYTES = 64 * 1024, /* with less left, nginx may have run out of it */
    CLOCK_SLACK_MS = 1000,         /* nginx updates its clock once per batch of events */
    REOPEN_MS = 2000,              /* all nginx workers have reopened the file by then */
    DOUBT_MS = 10 * 1000,          /* after ENOSPC nginx skips lines for a second */
    RENAMED = IN_MOVE_SELF | IN_ATTRIB | IN_DELETE_SELF, /* or deleted */
};

struct journal {
    char path[256];
    int fd, inotify_fd, watch;
    struct bucket *bucket;
    const struct media *media;
    struct views *views;
    bool views_full;       /* has been logged */
    uint64_t hole_end;     /* the file is punched up to here */
    uint64_t reserved_end; /* the file has memory up to here */
    bool reserve_failed;   /* has been logged */
    int64_t doubt_until_ms;
    bool renamed;                /* nginx will create a new file at the path */
    int old_fd;                  /* the previous journal file after a rename, or -1 */
    _Atomic uint64_t old_offset; /* read offset of the previous file */
    int64_t old_until_ms;        /* nginx may write to the previous file until then */
    char data[READ_SIZE];
};

/* Whether the position is one in this file. */
static bool is_position_in(const struct bucket_position *position, const struct stat *file)
{
    return position->device == file->st_dev && position->inode == file->st_ino &&
           position->offset <= (uint64_t)file->st_size;
}

/* Opens the file at the path and watches it. On failure nothing is changed. */
static bool attach(struct journal *journal)
{
    struct stat file;
    int fd = open(journal->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    int watch = inotify_add_watch(journal->inotify_fd, journal->path, IN_MODIFY | RENAMED);
    if (fd < 0 || watch < 0 || fstat(fd, &file) != 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    journal->fd = fd;
    journal->watch = watch;
    struct bucket_position *position = bucket_position(journal->bucket);
    if (position->inode == 0) /* a new bucket: existing lines belong to an earlier one */
        *position = (struct bucket_position){file.st_dev, file.st_ino, (uint64_t)file.st_size};
    else if (!is_position_in(position, &file))
        *position = (struct bucket_position){.device = file.st_dev, .inode = file.st_ino};
    journal->hole_end = position->offset / PUNCH_BYTES * PUNCH_BYTES;
    journal->reserved_end = 0;
    journal->renamed = false;
    return true;
}

struct journal *journal_open(const struct config *config, struct bucket *bucket, const struct media *media,
                             struct views *views)
{
    struct journal *journal = malloc(sizeof *journal);
    if (!journal)
        return NULL;
    journal->bucket = bucket;
    journal->media = media;
    journal->views = views;
    journal->views_full = journal->reserve_failed = false;
    journal->doubt_until_ms = 0;
    journal->old_fd = -1;
    journal->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (config_run_path(config, "journal", journal->path, sizeof journal->path) && journal->inotify_fd >= 0 &&
        attach(journal))
        return journal;
    log_write(LOG_ERROR, "journal_failed", "reason=\"%s\"", strerror(errno));
    free(journal);
    return NULL;
}

static void close_old(struct journal *journal)
{
    if (journal->old_fd >= 0)
        close(journal->old_fd);
    journal->old_fd = -1;
}

void journal_close(struct journal *journal)
{
    close_old(journal);
    close(journal->fd);
    close(journal->inotify_fd);
    free(journal);
}

int journal_fd(const struct journal *journal)
{
    return journal->inotify_fd;
}

/* Queues the bytes sent of a video to be counted for the token's holder. */
static void queue_view(struct journal *journal, const struct journal_line *line,
                       const struct bucket_holder *holder)
{
    if (holder->video_id == 0 || line->bytes_sent == 0 || (line->status != 200 && line->status != 206))
        return;
    metrics_add(METRIC_STREAM_BYTES, line->bytes_sent);
    bool full =
        !views_add(journal->views, &(struct view){holder->video_id, holder->client, line->bytes_sent});
    if (full && !journal->views_full)
        log_write(LOG_WARNING, "views_lost", "reason=\"the view queue is full\"");
    journal->views_full = full;
}

static void release(struct journal *journal, const struct journal_line *line)
{
    struct bucket_holder holder = {0};
    /* A line names no token when the request took none, when the gate took it, or when
     * the first worker died and the request was repeated, so there may be two. */
    if (!line->token[0])
        bucket_release_request(journal->bucket, line->request_id, &holder);
    else if (!bucket_release(journal->bucket, line->token, &holder))
        log_write(LOG_WARNING, "token_not_held", "token=%s", line->token);
    queue_view(journal, line, &holder);
}

/* Saves a chunk of a resumable upload whose client has vanished or whose worker has died.
 * Returns false when the body is not such a chunk or can't be saved. */
static bool save_chunk(struct journal *journal, const struct journal_line *line)
{
    char id[PARAM_UUID_SIZE];
    int64_t offset;
    if (!line->upload[0] || !media_upload_chunk_parse(line->upload, id, &offset) ||
        !media_upload_save_chunk(journal->media, id, offset, line->body_file))
        return false;
    log_write(LOG_INFO, "chunk_saved", "id=%s offset=%lld", id, (long long)offset);
    return true;
}

/* Saves or deletes a body that no worker has taken over; one that was has been renamed or
 * deleted. A file that changed after the line belongs to a later request: nginx reuses
 * its file names after a restart. */
static void handle_body(struct journal *journal, const struct journal_line *line)
{
    char id[PARAM_UUID_SIZE]; /* of the upload, see reservation_id */
    struct stat file;
    if (!media_is_incoming(journal->media, line->body_file) || lstat(line->body_file, &file) != 0)
        return;
    int64_t changed_ms = (int64_t)file.st_ctim.tv_sec * 1000 + file.st_ctim.tv_nsec / 1000000;
    if (changed_ms > line->time_ms + CLOCK_SLACK_MS)
        return;
    if (save_chunk(journal, line))
        return;
    uuid_unparse_lower(line->request_id, id);
    media_discard_extract(journal->media, id);
    if (media_discard(-1, line->body_file))
        log_write(LOG_INFO, "body_discarded", "path=%s", line->body_file);
}

/* Parses a line. On a full file system nginx may have written only the start of the line
 * before; this one then follows it without a line end, so any prefix is skipped. */
static bool parse_line(const char *text, size_t length, struct journal_line *line)
{
    for (size_t cut = 0; cut < length; cut++)
        if (journal_line_parse(text + cut, length - cut, line))
            return true;
    return false;
}

static void handle_line(struct journal *journal, const char *text, size_t length)
{
    struct journal_line line;
    if (length > LINE_SIZE || !parse_line(text, length, &line)) {
        log_write(LOG_WARNING, "journal_line_malformed", "length=%zu", length);
        return;
    }
    release(journal, &line);
    if (line.body_file[0])
        handle_body(journal, &line);
}

/* Applies the complete lines in data. Returns their length in bytes. */
static size_t handle_lines(struct journal *journal, size_t length)
{
    size_t done = 0;
    const char *end;
    while ((end = memchr(journal->data + done, '\n', length - done))) {
        size_t line_length = (size_t)(end - (journal->data + done));
        handle_line(journal, journal->data + done, line_length);
        done += line_length + 1;
    }
    if (done == 0 && length == READ_SIZE)
        done = length; /* garbage, since no line is that long; skip it */
    return done;
}

static void punch_hole(struct journal *journal, uint64_t offset)
{
    uint64_t end = offset / PUNCH_BYTES * PUNCH_BYTES;
    if (end <= journal->hole_end)
        return;
    if (fallocate(journal->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)journal->hole_end,
                  (off_t)(end - journal->hole_end)) != 0)
        log_write(LOG_WARNING, "journal_punch_failed", "reason=\"%s\"", strerror(errno));
    journal->hole_end = end;
}

/* Applies the complete lines from the offset on and advances it. Returns whether there
 * were any. */
static bool apply_lines(struct journal *journal, int fd, _Atomic uint64_t *offset)
{
    ssize_t length;
    size_t done, sum = 0;
    do {
        length = pread(fd, journal->data, READ_SIZE, (off_t)*offset);
        done = length > 0 ? handle_lines(journal, (size_t)length) : 0;
        *offset += done;
        sum += done;
    } while (done > 0 && length == READ_SIZE);
    return sum > 0;
}

static void follow_old(struct journal *journal)
{
    if (journal->old_fd < 0)
        return;
    (void)apply_lines(journal, journal->old_fd, &journal->old_offset);
    if (clock_left_ms(journal->old_until_ms) == 0)
        close_old(journal);
}

/* Keeps memory allocated behind the last line, so that nginx can write when the file
 * system is full. */
static void keep_reserve(struct journal *journal, uint64_t size)
{
    if (size + RESERVE_BYTES / 2 < journal->reserved_end)
        return;
    if (journal->reserved_end > 0 && size + RESERVE_LOW_BYTES >= journal->reserved_end)
        journal->doubt_until_ms = clock_ms() + DOUBT_MS;
    bool failed =
        fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, (off_t)size, RESERVE_BYTES) != 0 && errno != EOPNOTSUPP;
    if (failed && !journal->reserve_failed)
        log_write(LOG_WARNING, "journal_reserve_failed", "reason=\"%s\"", strerror(errno));
    journal->reserve_failed = failed;
    if (failed)
        journal->doubt_until_ms = clock_ms() + DOUBT_MS;
    else
        journal->reserved_end = size + RESERVE_BYTES;
}

/* Restarts at the beginning when somebody has truncated the file. */
static void check_truncation(struct journal *journal, struct bucket_position *position)
{
    struct stat file;
    if (fstat(journal->fd, &file) != 0 || (uint64_t)file.st_size >= position->offset)
        return;
    position->offset = journal->hole_end = journal->reserved_end = 0;
    journal->doubt_until_ms = clock_ms() + DOUBT_MS;
}

static void follow_current(struct journal *journal)
{
    struct bucket_position *position = bucket_position(journal->bucket);
    if (!apply_lines(journal, journal->fd, &position->offset)) {
        check_truncation(journal, position);
        (void)apply_lines(journal, journal->fd, &position->offset);
    }
    punch_hole(journal, position->offset);
    keep_reserve(journal, position->offset);
}

/* Switches to a new file after a log rotation. nginx's workers reopen the file one by
 * one and write to the previous one until then, so that one is followed for a while
 * longer. */
static void follow_rename(struct journal *journal)
{
    struct stat ours, named;
    if (fstat(journal->fd, &ours) != 0 || stat(journal->path, &named) != 0 ||
        (named.st_ino == ours.st_ino && named.st_dev == ours.st_dev))
        return;
    int old_fd = journal->fd, old_watch = journal->watch;
    uint64_t old_offset = bucket_position(journal->bucket)->offset;
    if (!attach(journal)) {
        log_write(LOG_ERROR, "journal_failed", "reason=\"%s\"", strerror(errno));
        return;
    }
    inotify_rm_watch(journal->inotify_fd, old_watch);
    close_old(journal);
    journal->old_fd = old_fd;
    journal->old_offset = old_offset;
    journal->old_until_ms = clock_ms() + REOPEN_MS;
}

/* Reads the pending inotify(7) events and returns the union of their masks, 0 when there
 * are none. The kernel merges identical successive events, so there are few. */
static uint32_t read_events(const struct journal *journal)
{
    _Alignas(struct inotify_event) char events[4096];
    uint32_t mask = 0;
    ssize_t length = read(journal->inotify_fd, events, sizeof events);
    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const struct inotify_event *)(events + at);
        mask |= event->mask;
        at += (ssize_t)(sizeof *event + event->len);
    }
    return mask;
}

void journal_follow(struct journal *journal)
{
    uint32_t events = read_events(journal);
    if (events & RENAMED)
        journal->renamed = true;
    follow_old(journal);
    follow_current(journal);
    if (journal->renamed || events == 0)
        follow_rename(journal);
}

bool journal_may_have_lost_lines(const struct journal *journal)
{
    return clock_left_ms(journal->doubt_until_ms) > 0;
}
