#include "lib/media/media_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/scratch.h"
#include "t/unit/tap.h"

#define ID    "ab8fad5b-d9cb-469f-a165-70867728950e"
#define OTHER "cd8fad5b-d9cb-469f-a165-70867728950e"

static struct media media;

/* Makes an incoming file, as nginx does, and returns its path. */
static const char *incoming(const char *name, const char *content)
{
    static char path[64];
    snprintf(path, sizeof path, "media/incoming/%s", name);
    close(scratch_file(path, content, strlen(content)));
    return scratch_path(path);
}

static bool exists(const char *name)
{
    return access(scratch_path(name), F_OK) == 0;
}

static void is_content(const char *name, const char *expected, const char *what)
{
    char content[64] = "";
    int fd = open(scratch_path(name), O_RDONLY);
    ok(fd >= 0 && read(fd, content, sizeof content - 1) >= 0, "there is a file");
    close(fd);
    is_text(content, expected, "%s", what);
}

static bool append(struct media_upload *upload, const char *content)
{
    const char *path = incoming("0000000001", content);
    int fd = open(path, O_RDWR);
    bool done = media_upload_append(upload, fd, path, (off_t)strlen(content));
    close(fd);
    return done;
}

static void test_append(void)
{
    struct media_upload upload, second;
    off_t size = -1;
    ok(media_upload_size(&media, ID, &size), "what hasn't begun");
    is_int(size, 0, "has no bytes");
    ok(media_upload_open(&media, ID, &upload), "it begins");
    is_int(upload.size, 0, "empty");
    ok(!media_upload_open(&media, ID, &second), "a second one can't open it");
    is_int(errno, EWOULDBLOCK, "since somebody has it");

    ok(append(&upload, "abc"), "a first piece");
    is_int(upload.size, 3, "counts");
    ok(!exists("media/incoming/0000000001"), "its file is the upload now");
    ok(!media_upload_open(&media, ID, &second), "which still nobody else can open");
    is_int(errno, EWOULDBLOCK, "for the same reason");
    ok(append(&upload, "defg"), "a second piece");
    is_int(upload.size, 7, "counts, too");
    ok(!exists("media/incoming/0000000001"), "its file is gone");
    is_content("media/incoming/" ID, "abcdefg", "all of it is there");
    media_upload_close(&upload);

    ok(media_upload_open(&media, ID, &upload), "it can be opened again");
    is_int(upload.size, 7, "as it was");
    ok(media_upload_size(&media, ID, &size) && size == 7, "somebody else sees how long it is");
    media_upload_close(&upload);
}

static void test_kept(void)
{
    struct media_upload upload;
    ok(!media_upload_save_chunk(&media, ID, 6, incoming("0000000002", "x")),
       "a piece for an earlier place isn't kept");
    ok(!media_upload_save_chunk(&media, ID, 8, incoming("0000000002", "x")), "nor one for a later place");
    ok(exists("media/incoming/0000000002"), "it stays where it was");
    ok(media_upload_save_chunk(&media, ID, 7, incoming("0000000002", "hij")), "one for where it is now is");
    ok(!exists("media/incoming/0000000002"), "and has another name");
    ok(media_upload_open(&media, ID, &upload), "who opens it next");
    is_int(upload.size, 7, "sees no more than before");
    ok(media_upload_append_saved(&upload, 100), "and collects it");
    is_int(upload.size, 10, "then it counts");
    ok(!exists("media/incoming/" ID ".7"), "and is kept no longer");
    ok(media_upload_append_saved(&upload, 100), "once more");
    is_int(upload.size, 10, "changes nothing");

    ok(media_upload_save_chunk(&media, ID, 10, incoming("0000000003", "klm")), "another one");
    ok(append(&upload, "KL"), "but before somebody collects it, others come for its place");
    ok(!exists("media/incoming/" ID ".10"), "then it is no use any more");
    ok(media_upload_save_chunk(&media, ID, 12, incoming("0000000004", "mnop")), "one that is too long");
    ok(media_upload_append_saved(&upload, 15), "is found out");
    is_int(upload.size, 12, "and thrown away");
    ok(!exists("media/incoming/" ID ".12"), "for good");
    media_upload_close(&upload);

    ok(media_upload_save_chunk(&media, OTHER, 0, incoming("0000000005", "first")), "the first piece of one");
    ok(media_upload_open(&media, OTHER, &upload) && media_upload_append_saved(&upload, 5),
       "is collected, too");
    is_content("media/incoming/" OTHER, "first", "and is all of it");
    media_upload_close(&upload);
    ok(media_upload_save_chunk(&media, OTHER, 5, incoming("0000000006", "more")), "with something kept");
    media_upload_remove(&media, OTHER);
    ok(!exists("media/incoming/" OTHER) && !exists("media/incoming/" OTHER ".5"), "it is removed");
}

static void test_publish(void)
{
    struct media_upload upload;
    off_t size;
    ok(media_upload_open(&media, ID, &upload), "a whole one");
    ok(media_upload_publish(&upload), "is published");
    media_upload_close(&upload);
    ok(!exists("media/incoming/" ID), "it has left the incoming folder");
    is_content("media/ab/" ID, "abcdefghijKL", "for its final place");
    ok(media_upload_size(&media, ID, &size) && size == 12, "its size is still known");
    ok(media_upload_open(&media, ID, &upload), "it can still be opened");
    ok(upload.published, "as one that is published");
    is_int(upload.size, 12, "of that size");
    ok(media_upload_append_saved(&upload, 100) && upload.size == 12, "nothing can be added");
    ok(media_upload_publish(&upload), "to publish it once more is done");
    media_upload_close(&upload);
    media_upload_remove(&media, ID);
    ok(exists("media/ab/" ID), "and it isn't an upload that could be removed");
}

static void test_faults(void)
{
    static const struct media nowhere = {"/nowhere"};
    struct media_upload upload;
    ok(!media_upload_open(&nowhere, ID, &upload), "without a folder there is no upload");
    is_int(errno, ENOENT, "for a reason");
    ok(media_upload_open(&media, OTHER, &upload), "a new one");
    ok(append(&upload, "abc"), "with a piece");
    ok(!media_upload_append(&upload, -1, "none", 3), "to which nothing is added");
    is_int(errno, EBADF, "for a reason");
    is_int(upload.size, 3, "so it is where it was");
    const char *path = incoming("0000000007", "de");
    int fd = open(path, O_RDWR);
    ok(!media_upload_append(&upload, fd, path, 3), "a piece shorter than it should be");
    is_int(errno, EIO, "is one that can't be read");
    close(fd);
    is_content("media/incoming/" OTHER, "abc", "and leaves nothing behind");
    media_upload_close(&upload);
}

static const struct {
    const char *text;
    int64_t offset; /* -1: not a chunk */
} chunks[] = {
    {ID ".0", 0},
    {ID ".9223372036854775807", INT64_MAX},
    {"AB8FAD5B-D9CB-469F-A165-70867728950E.17", 17},
    {ID ".9223372036854775808", -1},
    {ID ".", -1},
    {ID "", -1},
    {ID "-0", -1},
    {ID ".-1", -1},
    {ID ".00", -1},
    {ID ".1 ", -1},
    {"ab8fad5b-d9cb-469f-a165-70867728950/.1", -1},
    {"", -1},
    {".1", -1},
};

static void test_chunk_names(void)
{
    char id[PARAM_UUID_SIZE];
    int64_t offset;
    for (size_t i = 0; i < COUNT_OF(chunks); i++) {
        bool expected = chunks[i].offset >= 0;
        is_int(media_upload_chunk_parse(chunks[i].text, id, &offset), expected, "a chunk's name or not: %s",
               chunks[i].text);
        if (!expected)
            continue;
        is_int(offset, chunks[i].offset, "its offset");
        is_text(id, ID, "its upload");
    }
}

int main(void)
{
    const struct config config = {.state_dir = scratch_dir(), .media_dir = ""};
    test_chunk_names();
    ok(media_open(&media, &config), "a media folder");
    test_append();
    test_kept();
    test_publish();
    test_faults();
    return done_testing();
}
