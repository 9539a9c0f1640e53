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

/* Creates an incoming file, as nginx does, and returns its path. */
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
    ok(fd >= 0 && read(fd, content, sizeof content - 1) >= 0, "the file can be read");
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
    ok(media_upload_size(&media, ID, &size), "the size of an upload without a file can be determined");
    is_int(size, 0, "an upload without a file has no bytes");
    ok(media_upload_open(&media, ID, &upload), "a new upload can be opened");
    is_int(upload.size, 0, "a new upload is empty");
    ok(!media_upload_open(&media, ID, &second), "an open upload cannot be opened again");
    is_int(errno, EWOULDBLOCK, "the error is EWOULDBLOCK");

    ok(append(&upload, "abc"), "the first chunk is appended");
    is_int(upload.size, 3, "the size includes the first chunk");
    ok(!exists("media/incoming/0000000001"), "the incoming file of the first chunk is renamed");
    ok(!media_upload_open(&media, ID, &second), "the renamed file is still locked");
    is_int(errno, EWOULDBLOCK, "the error is still EWOULDBLOCK");
    ok(append(&upload, "defg"), "a second chunk is appended");
    is_int(upload.size, 7, "the size includes the second chunk");
    ok(!exists("media/incoming/0000000001"), "the incoming file of the second chunk is deleted");
    is_content("media/incoming/" ID, "abcdefg", "the upload has both chunks");
    media_upload_close(&upload);

    ok(media_upload_open(&media, ID, &upload), "a closed upload can be opened again");
    is_int(upload.size, 7, "the size is unchanged after reopening");
    ok(media_upload_size(&media, ID, &size) && size == 7, "the size of an open upload can be determined");
    media_upload_close(&upload);
}

static void test_saved_chunks(void)
{
    struct media_upload upload;
    ok(!media_upload_save_chunk(&media, ID, 6, incoming("0000000002", "x")),
       "a chunk for an earlier offset is not saved");
    ok(!media_upload_save_chunk(&media, ID, 8, incoming("0000000002", "x")),
       "a chunk for a later offset is not saved");
    ok(exists("media/incoming/0000000002"), "a chunk that is not saved keeps its name");
    ok(media_upload_save_chunk(&media, ID, 7, incoming("0000000002", "hij")),
       "a chunk for the current offset is saved");
    ok(!exists("media/incoming/0000000002"), "the incoming file of a saved chunk is renamed");
    ok(media_upload_open(&media, ID, &upload), "the upload with a saved chunk can be opened");
    is_int(upload.size, 7, "opening does not append the saved chunk");
    ok(media_upload_append_saved(&upload, 100), "the saved chunk is appended");
    is_int(upload.size, 10, "the size includes the saved chunk");
    ok(!exists("media/incoming/" ID ".7"), "the file of the saved chunk is deleted");
    ok(media_upload_append_saved(&upload, 100), "appending without a saved chunk succeeds");
    is_int(upload.size, 10, "the size is unchanged without a saved chunk");

    ok(media_upload_save_chunk(&media, ID, 10, incoming("0000000003", "klm")), "another chunk is saved");
    ok(append(&upload, "KL"), "a new chunk for the same offset is appended");
    ok(!exists("media/incoming/" ID ".10"), "the obsolete saved chunk is deleted");
    ok(media_upload_save_chunk(&media, ID, 12, incoming("0000000004", "mnop")),
       "a chunk that exceeds the upload is saved");
    ok(media_upload_append_saved(&upload, 15), "a chunk that exceeds the upload is not an error");
    is_int(upload.size, 12, "a chunk that exceeds the upload is not appended");
    ok(!exists("media/incoming/" ID ".12"), "a chunk that exceeds the upload is deleted");
    media_upload_close(&upload);

    ok(media_upload_save_chunk(&media, OTHER, 0, incoming("0000000005", "first")),
       "the first chunk of an upload is saved");
    ok(media_upload_open(&media, OTHER, &upload) && media_upload_append_saved(&upload, 5),
       "a saved first chunk is appended");
    is_content("media/incoming/" OTHER, "first", "the upload is the saved first chunk");
    media_upload_close(&upload);
    ok(media_upload_save_chunk(&media, OTHER, 5, incoming("0000000006", "more")),
       "another chunk of that upload is saved");
    media_upload_remove(&media, OTHER);
    ok(!exists("media/incoming/" OTHER) && !exists("media/incoming/" OTHER ".5"),
       "removing deletes the upload and its saved chunk");
}

static void test_publish(void)
{
    struct media_upload upload;
    off_t size;
    ok(media_upload_open(&media, ID, &upload), "a complete upload can be opened");
    ok(media_upload_publish(&upload), "a complete upload is published");
    media_upload_close(&upload);
    ok(!exists("media/incoming/" ID), "a published upload leaves the incoming folder");
    is_content("media/ab/" ID, "abcdefghijKL", "a published upload has its final name");
    ok(media_upload_size(&media, ID, &size) && size == 12,
       "the size of a published upload can be determined");
    ok(media_upload_open(&media, ID, &upload), "a published upload can be opened");
    ok(upload.published, "an open published upload is marked as published");
    is_int(upload.size, 12, "a published upload has its size");
    ok(media_upload_append_saved(&upload, 100) && upload.size == 12,
       "appending saved chunks to a published upload has no effect");
    ok(media_upload_publish(&upload), "publishing again succeeds");
    media_upload_close(&upload);
    media_upload_remove(&media, ID);
    ok(exists("media/ab/" ID), "removing does not delete a published file");
}

static void test_faults(void)
{
    static const struct media nowhere = {"/nowhere"};
    struct media_upload upload;
    ok(!media_upload_open(&nowhere, ID, &upload), "an upload without a media folder cannot be opened");
    is_int(errno, ENOENT, "the error is ENOENT");
    ok(media_upload_open(&media, OTHER, &upload), "a new upload can be opened");
    ok(append(&upload, "abc"), "a chunk is appended");
    ok(!media_upload_append(&upload, -1, "none", 3), "appending an invalid descriptor fails");
    is_int(errno, EBADF, "the error is EBADF");
    is_int(upload.size, 3, "the size is unchanged after a failure");
    const char *path = incoming("0000000007", "de");
    int fd = open(path, O_RDWR);
    ok(!media_upload_append(&upload, fd, path, 3), "a chunk shorter than announced is rejected");
    is_int(errno, EIO, "the error is EIO");
    close(fd);
    is_content("media/incoming/" OTHER, "abc", "a failed chunk leaves no bytes");
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
        is_int(media_upload_chunk_parse(chunks[i].text, id, &offset), expected, "%s is a chunk name or not",
               chunks[i].text);
        if (!expected)
            continue;
        is_int(offset, chunks[i].offset, "the chunk name has that offset");
        is_text(id, ID, "the chunk name has that upload id");
    }
}

int main(void)
{
    const struct config config = {.state_dir = scratch_dir(), .media_dir = ""};
    test_chunk_names();
    ok(media_open(&media, &config), "the media folder is created");
    test_append();
    test_saved_chunks();
    test_publish();
    test_faults();
    return done_testing();
}
