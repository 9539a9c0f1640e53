#include "form.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "scratch.h"
#include "tap.h"

enum { LONG = 600 * 1024 };

#define HEAD "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n"
#define END  "\r\n--XyZ--\r\n"

static char body_path[MEDIA_PATH_SIZE];
static int body;

/* A body of which nothing has been copied. */
static void arrive(const char *bytes, size_t size)
{
    body = open(body_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (body < 0 || write(body, bytes, size) != (ssize_t)size)
        perror("arrive");
}

static int count_files(void)
{
    int count = 0;
    DIR *folder = opendir(scratch_path("incoming"));
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

static void discard(void)
{
    media_discard(body, body_path);
    close(body);
}

/* The part's bytes, up to 100. */
static const char *content(const struct form_part *part)
{
    static char text[101];
    ssize_t length = pread(part->fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

/* Takes the film out of a body that is whole. */
static enum multipart_outcome take(size_t size, struct form_part *part)
{
    return form_take(body, (off_t)size, body_path, "XyZ", part);
}

static void finish(const struct form_part *part)
{
    if (part->fd >= 0) {
        close(part->fd);
        unlink(part->path);
    }
    discard();
}

/* However much had arrived when it was copied, and how often it was, the film is the same. */
static void takes(const char *bytes, const char *film, const char *name)
{
    size_t size = strlen(bytes);
    bool same = true, early = false;
    for (size_t first = 1; first <= size; first++)
        for (size_t step = 1; step <= size; step += step) {
            struct form_part part;
            arrive(bytes, size);
            bool more = true;
            for (size_t arrived = first; more && arrived <= size; arrived += step)
                more = form_copy_arrived(body, (off_t)arrived, body_path, arrived == first);
            same = same && take(size, &part) == MULTIPART_FOUND && strcmp(content(&part), film) == 0;
            early = early || part.early > 0;
            finish(&part);
        }
    ok(same, "%s", name);
    ok(early == (strlen(film) > 0 && strncmp(bytes, "--XyZ\r\n", 7) == 0),
       "of which something may be copied early");
    is_int(count_files(), 0, "and nothing stays");
}

static void test_any_time(void)
{
    takes(HEAD "content" END, "content", "a film");
    takes(HEAD END, "", "none");
    takes(HEAD "\r\n--Xy\r\n--XyY" END, "\r\n--Xy\r\n--XyY", "one full of what looks like the end");
    takes(HEAD "one\r\n--XyZ\r\n\r\nsecond\r\n--XyZ--\r\n", "one", "one before another part");
    takes("--XyZ\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nt\r\n" HEAD "content" END,
          "content", "one behind another part");
    takes("preamble\r\n" HEAD "content" END, "content", "one behind something else");
}

/* More than one look through a window. */
static void test_long(void)
{
    size_t size = strlen(HEAD) + LONG + strlen(END);
    char *bytes = malloc(size + 1);
    struct form_part part;
    snprintf(bytes, size + 1, HEAD "%s" END, bytes_repeat('x', LONG));
    arrive(bytes, size);
    ok(form_copy_arrived(body, LONG, body_path, true), "most of a long one is copied");
    is_int(take(size, &part), MULTIPART_FOUND, "the rest then");
    is_int(part.early, LONG - strlen(HEAD) - strlen(END) + strlen("--\r\n") + 1, "all that was sure");
    struct stat file;
    ok(fstat(part.fd, &file) == 0 && file.st_size == LONG && part.length == LONG, "is all of it");
    finish(&part);
    free(bytes);
}

static void test_malformed(void)
{
    static const char cut[] = HEAD "content\r\n--XyZ";
    struct form_part part;
    arrive(BYTES(cut));
    ok(form_copy_arrived(body, sizeof cut - 1, body_path, true), "one that is cut off may be copied");
    is_int(take(sizeof cut - 1, &part), MULTIPART_MALFORMED, "but is none");
    finish(&part);
    is_int(count_files(), 0, "and nothing stays");

    arrive(BYTES("--XyZ\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nt" END));
    ok(!form_copy_arrived(body, 70, body_path, true), "a form without a film is not copied");
    is_int(count_files(), 1, "and makes no part");
    discard();
}

/* Its boundary is not the one that the request names, so what was copied may be anything. */
static void test_other_boundary(void)
{
    static const char bytes[] =
        HEAD "content\r\n--ABC\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nother\r\n--ABC--";
    struct form_part part;
    arrive(BYTES(bytes));
    ok(form_copy_arrived(body, sizeof HEAD + 15, body_path, true), "copied by the boundary in the body");
    is_int(form_take(body, sizeof bytes - 1, body_path, "ABC", &part), MULTIPART_FOUND,
           "taken by another one");
    is_int(part.early, 0, "which begins anew");
    is_text(content(&part), "other", "and copies what that says");
    ok(form_copy_arrived(body, sizeof bytes - 1, body_path, false), "what is copied after that");
    is_text(content(&part), "other", "goes elsewhere");
    finish(&part);
    is_int(count_files(), 0, "nothing stays");
}

/* Somebody else has the part, and has copied so many bytes of it. */
static int hold(const char *bytes, size_t copied)
{
    char path[MEDIA_PATH_SIZE];
    int fd = media_open_part(body, body_path, true, path);
    if (fd < 0 || flock(fd, LOCK_EX) != 0 || write(fd, bytes, copied) != (ssize_t)copied)
        perror("hold");
    return fd;
}

static void test_held(void)
{
    static const char bytes[] = HEAD "a longer content" END;
    struct form_part part;
    arrive(BYTES(bytes));
    int other = hold("***", 3);
    ok(!form_copy_arrived(body, strlen(HEAD) + 14, body_path, false), "who copies leaves it to another one");
    is_int(take(sizeof bytes - 1, &part), MULTIPART_FOUND, "who needs it waits for no more than a moment");
    is_int(part.early, 0, "and begins anew");
    is_text(content(&part), "a longer content", "with all of it");
    close(other);
    ok(!form_copy_arrived(body, sizeof bytes - 1, body_path, false), "whoever still copies stops");
    is_text(content(&part), "a longer content", "and changes nothing");
    finish(&part);
}

/* Gets on slowly, and gives way. */
static void *copy_slowly(void *argument)
{
    const int *fd = argument;
    for (const char *at = "content"; *at; at++) {
        poll(NULL, 0, 200);
        if (write(*fd, at, 1) != 1)
            perror("write");
    }
    flock(*fd, LOCK_UN);
    return NULL;
}

static void test_slow(void)
{
    static const char bytes[] = HEAD "content" END;
    struct form_part part;
    pthread_t thread;
    arrive(BYTES(bytes));
    int other = hold("", 0);
    if (pthread_create(&thread, NULL, copy_slowly, &other) != 0)
        perror("pthread_create");
    is_int(take(sizeof bytes - 1, &part), MULTIPART_FOUND, "who gets on is waited for");
    is_int(part.early, 7, "until all is there");
    pthread_join(thread, NULL);
    close(other);
    finish(&part);
}

static void test_gone(void)
{
    static const char bytes[] = HEAD "content" END;
    arrive(BYTES(bytes));
    int before = body;
    unlink(body_path);
    ok(!form_copy_arrived(before, sizeof bytes - 1, body_path, true), "the body has gone");
    arrive(BYTES(bytes));
    ok(!form_copy_arrived(before, sizeof bytes - 1, body_path, true),
       "even if another one comes at this moment");
    is_int(count_files(), 1, "no part is left");
    close(before);
    discard();

    arrive(BYTES(bytes));
    struct form_part part;
    is_int(take(sizeof bytes - 1, &part), MULTIPART_FOUND, "the film is taken out");
    ok(rename(part.path, scratch_path("published")) == 0, "and published");
    ok(!form_copy_arrived(body, sizeof bytes - 1, body_path, false), "then there is no part any more");
    is_text(content(&part), "content", "and the film stays as it is");
    close(part.fd);
    discard();
}

int main(void)
{
    if (mkdir(scratch_path("incoming"), 0700) != 0)
        return 2;
    snprintf(body_path, sizeof body_path, "%s/0000000001", scratch_path("incoming"));
    test_any_time();
    test_long();
    test_malformed();
    test_other_boundary();
    test_held();
    test_slow();
    test_gone();
    return done_testing();
}
