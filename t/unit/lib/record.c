#include "record.h"

#include <fastcgi.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

enum { LONG = 3 * 1000 * 1000, REQUEST_ID = 0x0102 };

static char wanted[LONG], got[LONG + 4096];
static size_t got_length;
static int records;
static bool proper;

static bool read_whole(int fd, void *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t count = read(fd, (char *)bytes + at, length - at);
        if (count <= 0)
            return false;
        at += (size_t)count;
    }
    return true;
}

static void *read_records(void *fd)
{
    FCGI_Header head;
    got_length = 0;
    records = 0;
    proper = true;
    while (read_whole(*(int *)fd, &head, sizeof head)) {
        size_t length = (size_t)head.contentLengthB1 << 8 | head.contentLengthB0;
        records++;
        proper = proper && head.version == FCGI_VERSION_1 && head.type == FCGI_STDOUT && length > 0 &&
                 head.requestIdB1 == REQUEST_ID >> 8 && head.requestIdB0 == (REQUEST_ID & 0xff) &&
                 head.paddingLength == 0 && got_length + length <= sizeof got &&
                 read_whole(*(int *)fd, got + got_length, length);
        if (!proper)
            break;
        got_length += length;
    }
    return NULL;
}

static void test_length(size_t length, int count)
{
    static const char lines[] = "Status: 200 OK\r\nX: y\r\n", end[] = "\r\n";
    int fds[2];
    pthread_t thread;
    struct buffer headers = {0}, body = {.data = wanted, .length = length};
    buffer_text(&headers, lines);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 ||
        pthread_create(&thread, NULL, read_records, &fds[1]) != 0)
        exit(2);
    ok(record_write(fds[0], REQUEST_ID, &headers, &body), "%zu bytes are written", length);
    close(fds[0]);
    pthread_join(thread, NULL);
    close(fds[1]);
    size_t head = sizeof lines - 1 + sizeof end - 1;
    ok(proper, "as stdout of that request");
    is_int(records, count, "in as few records as there can be");
    ok(got_length == head + length && memcmp(got, lines, sizeof lines - 1) == 0 &&
           memcmp(got + sizeof lines - 1, end, sizeof end - 1) == 0 &&
           memcmp(got + head, wanted, length) == 0,
       "headers, an empty line, and all of the body");
    buffer_free(&headers);
}

static void test_gone(void)
{
    int fds[2];
    struct buffer headers = {0}, body = {.data = wanted, .length = LONG};
    buffer_text(&headers, "Status: 200 OK\r\n");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        exit(2);
    close(fds[1]);
    ok(!record_write(fds[0], REQUEST_ID, &headers, &body), "a peer that has gone is no signal");
    close(fds[0]);
    buffer_free(&headers);
}

int main(void)
{
    for (size_t i = 0; i < LONG; i++)
        wanted[i] = (char)(i * 7919 >> 3);
    test_length(0, 1);
    test_length(RECORD_CONTENT_MAX, 2);
    test_length(RECORD_CONTENT_MAX + 1, 3);
    test_length(15 * RECORD_CONTENT_MAX, 16);
    test_length(15 * RECORD_CONTENT_MAX + 1, 17);
    test_length(LONG, 1 + (LONG + RECORD_CONTENT_MAX - 1) / RECORD_CONTENT_MAX);
    test_gone();
    return done_testing();
}
