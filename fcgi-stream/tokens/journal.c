#include "fcgi-stream/tokens/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi-stream/tokens/journal_line.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/media/media_upload.h"
#include "lib/metrics/metrics.h"

enum {
    READ_SIZE = 64 * 1024,
    LINE_SIZE = 4096,
    HOLE_EVERY = 1024 * 1024, /* bytes; a multiple of the page size */
    CLOCK_SLACK_MS = 1000,    /* nginx reads its clock once for many events */
    REOPEN_MS = 2000,         /* within which all of nginx's workers open a new file */
    ROOM = 1024 * 1024,       /* bytes that are kept ready behind the last line */
    LITTLE = 64 * 1024,       /* when as much of it is left, nginx may have found none */
    DOUBT_MS = 10 * 1000,     /* nginx writes nothing for a second after it has found no room */
    MOVED = IN_MOVE_SELF | IN_ATTRIB | IN_DELETE_SELF, /* the file may have another name now, or none */
};

struct journal {
    char path[256];
    int fd, inotify_fd, watch;
    struct bucket *bucket;
    const struct media *media;
    struct views *views;
    bool views_full;   /* which has been logged */
    uint64_t hole_end; /* what lies before it has been given back */
    uint64_t room_end; /* up to here there is memory */
    bool room_lacking; /* which has been logged */
    int64_t doubt_until_ms;
    bool moved;                  /* away from its path, where nginx will make a new one */
    int old_fd;                  /* the file that was the journal until it was moved away, -1: none */
    _Atomic uint64_t old_offset; /* how far that one has been read */
    int64_t old_until_ms;        /* how long something may still be written to it */
    char data[READ_SIZE];
};

/* Whether the position was one in this very file. */
static bool is_position_in(const struct bucket_position *position, const struct stat *file)
{
    return position->device == file->st_dev && position->inode == file->st_ino &&
           position->offset <= (uint64_t)file->st_size;
}

/* Opens the file that is at the path now and watches it. When it can't, all stays as it was. */
static bool attach(struct journal *journal)
{
    struct stat file;
    int fd = open(journal->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    int watch = inotify_add_watch(journal->inotify_fd, journal->path, IN_MODIFY | MOVED);
    if (fd < 0 || watch < 0 || fstat(fd, &file) != 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    journal->fd = fd;
    journal->watch = watch;
    struct bucket_position *position = bucket_position(journal->bucket);
    if (position->inode == 0) /* a new bucket: what was written before is about an earlier one */
        *position = (struct bucket_position){file.st_dev, file.st_ino, (uint64_t)file.st_size};
    else if (!is_position_in(position, &file))
        *position = (struct bucket_position){.device = file.st_dev, .inode = file.st_ino};
    journal->hole_end = position->offset / HOLE_EVERY * HOLE_EVERY;
    journal->room_end = 0;
    journal->moved = false;
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
    journal->views_full = journal->room_lacking = false;
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

static void leave_old(struct journal *journal)
{
    if (journal->old_fd >= 0)
        close(journal->old_fd);
    journal->old_fd = -1;
}

void journal_close(struct journal *journal)
{
    leave_old(journal);
    close(journal->fd);
    close(journal->inotify_fd);
    free(journal);
}

int journal_fd(const struct journal *journal)
{
    return journal->inotify_fd;
}

/* What was sent of a video is counted for whoever had the token. */
static void count(struct journal *journal, const struct journal_line *line,
                  const struct bucket_holder *holder)
{
    if (holder->video_id == 0 || line->bytes_sent == 0 || (line->status != 200 && line->status != 206))
        return;
    metrics_add(METRIC_STREAM_BYTES, line->bytes_sent);
    bool full =
        !views_add(journal->views, &(struct view){holder->video_id, holder->client, line->bytes_sent});
    if (full && !journal->views_full)
        log_write(LOG_WARNING, "views_lost", "reason=\"the queue is full\"");
    journal->views_full = full;
}

static void release(struct journal *journal, const struct journal_line *line)
{
    struct bucket_holder holder = {0};
    /* Where the line names no token, there was none, or it was taken at the gate, or the worker that took it died, and
     * another one may have taken one, too. */
    if (!line->token[0])
        bucket_release_request(journal->bucket, line->request_id, &holder);
    else if (!bucket_release(journal->bucket, line->token, &holder))
        log_write(LOG_WARNING, "token_not_out", "token=%s", line->token);
    count(journal, line, &holder);
}

/* A piece of a resumable upload whose client has vanished, or whose worker has died, is not lost. */
static bool keep_piece(struct journal *journal, const struct journal_line *line)
{
    char id[PARAM_UUID_SIZE];
    int64_t offset;
    if (!line->upload[0] || !media_upload_chunk_parse(line->upload, id, &offset) ||
        !media_upload_save_chunk(journal->media, id, offset, line->body_file))
        return false;
    log_write(LOG_INFO, "piece_kept", "id=%s offset=%lld", id, (long long)offset);
    return true;
}

/* Removes a body that nobody took over (what was has another name by now). A file that has changed since is a
 * later one: after a restart nginx uses its names again. */
static void discard_body(struct journal *journal, const struct journal_line *line)
{
    struct stat file;
    if (!media_is_incoming(journal->media, line->body_file) || lstat(line->body_file, &file) != 0)
        return;
    int64_t changed_ms = (int64_t)file.st_ctim.tv_sec * 1000 + file.st_ctim.tv_nsec / 1000000;
    if (changed_ms > line->time_ms + CLOCK_SLACK_MS)
        return;
    if (keep_piece(journal, line))
        return;
    if (media_discard(line->body_file))
        log_write(LOG_INFO, "body_discarded", "path=%s", line->body_file);
}

/* Reads a line. When nginx had no room for all of one, the next one follows upon what there was room for. */
static bool read_line(const char *text, size_t length, struct journal_line *line)
{
    for (size_t cut = 0; cut < length; cut++)
        if (journal_line_parse(text + cut, length - cut, line))
            return true;
    return false;
}

static void handle_line(struct journal *journal, const char *text, size_t length)
{
    struct journal_line line;
    if (length > LINE_SIZE || !read_line(text, length, &line)) {
        log_write(LOG_WARNING, "journal_line_unreadable", "length=%zu", length);
        return;
    }
    release(journal, &line);
    if (line.body_file[0])
        discard_body(journal, &line);
}

/* Does what the complete lines say; returns how many bytes they have. */
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
        done = length; /* no line is as long: something is broken, and following must go on */
    return done;
}

static void punch(struct journal *journal, uint64_t offset)
{
    uint64_t end = offset / HOLE_EVERY * HOLE_EVERY;
    if (end <= journal->hole_end)
        return;
    if (fallocate(journal->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)journal->hole_end,
                  (off_t)(end - journal->hole_end)) != 0)
        log_write(LOG_WARNING, "journal_punch_failed", "reason=\"%s\"", strerror(errno));
    journal->hole_end = end;
}

/* Does what the complete lines from the offset on say, and moves it behind them. False when there was nothing. */
static bool read_lines(struct journal *journal, int fd, _Atomic uint64_t *offset)
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
    (void)read_lines(journal, journal->old_fd, &journal->old_offset);
    if (clock_left_ms(journal->old_until_ms) == 0)
        leave_old(journal);
}

/* Memory behind the last line is taken in advance: whoever fills the file system then, nginx can still write. */
static void keep_room(struct journal *journal, uint64_t size)
{
    if (size + ROOM / 2 < journal->room_end)
        return;
    if (journal->room_end > 0 && size + LITTLE >= journal->room_end)
        journal->doubt_until_ms = clock_ms() + DOUBT_MS; /* it may have been too little */
    bool lacking = fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, (off_t)size, ROOM) != 0 && errno != EOPNOTSUPP;
    if (lacking && !journal->room_lacking)
        log_write(LOG_WARNING, "journal_room_lacking", "reason=\"%s\"", strerror(errno));
    journal->room_lacking = lacking;
    if (lacking)
        journal->doubt_until_ms = clock_ms() + DOUBT_MS;
    else
        journal->room_end = size + ROOM;
}

/* Starts anew when someone has emptied the file. */
static void check_size(struct journal *journal, struct bucket_position *position)
{
    struct stat file;
    if (fstat(journal->fd, &file) != 0 || (uint64_t)file.st_size >= position->offset)
        return;
    position->offset = journal->hole_end = journal->room_end = 0;
    journal->doubt_until_ms = clock_ms() + DOUBT_MS;
}

static void follow_current(struct journal *journal)
{
    struct bucket_position *position = bucket_position(journal->bucket);
    if (!read_lines(journal, journal->fd, &position->offset)) {
        check_size(journal, position);
        (void)read_lines(journal, journal->fd, &position->offset);
    }
    punch(journal, position->offset);
    keep_room(journal, position->offset);
}

/* Someone may move the file away and have nginx open a new one. Its workers do so one after the other and
 * write to the old one until then, so that one is followed for a while yet. */
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
    leave_old(journal);
    journal->old_fd = old_fd;
    journal->old_offset = old_offset;
    journal->old_until_ms = clock_ms() + REOPEN_MS;
}

/* What has happened to the file since the last time, as inotify(7) says it; 0: nothing has. Changes of one kind come as one
 * event when nothing lies between them, so there are few. */
static uint32_t take_events(const struct journal *journal)
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
    uint32_t events = take_events(journal);
    if (events & MOVED)
        journal->moved = true;
    follow_old(journal);
    follow_current(journal);
    if (journal->moved || events == 0)
        follow_rename(journal);
}

bool journal_may_have_lost_lines(const struct journal *journal)
{
    return clock_left_ms(journal->doubt_until_ms) > 0;
}
