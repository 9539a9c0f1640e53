#include "lib/process/record.h"

#include <fastcgi.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "t/unit/tap.h"

enum {
    LONG = 3 * 1000 * 1000,
    HEADERS = 100,
    CHUNK = 8 * 1024,
    REQUEST_ID = 0x0102,
    END_RECORDS = 2 /* end of FCGI_STDOUT, FCGI_END_REQUEST */
};

static char wanted[HEADERS + LONG], got[HEADERS + LONG];
static size_t got_length;
static int records;
static bool valid, complete;

static pthread_t writer;
static volatile sig_atomic_t interrupts;
static bool interrupting; /* the reader interrupts the writer during a write */

static bool read_whole(int fd, void *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t size = interrupting && length - at > CHUNK ? CHUNK : length - at;
        ssize_t count = read(fd, (char *)bytes + at, size);
        if (count <= 0)
            return false;
        at += (size_t)count;
        if (interrupting)
            pthread_kill(writer, SIGUSR1);
    }
    return true;
}

static bool read_output(int fd, size_t length)
{
    bool read = got_length + length <= sizeof got && read_whole(fd, got + got_length, length);
    got_length += length;
    return read;
}

static bool read_end(int fd, size_t length)
{
    static const FCGI_EndRequestBody expected = {.protocolStatus = FCGI_REQUEST_COMPLETE};
    FCGI_EndRequestBody body;
    char more;
    return length == sizeof body && read_whole(fd, &body, sizeof body) &&
           memcmp(&body, &expected, sizeof body) == 0 && read(fd, &more, 1) == 0;
}

/* Expects output records, an empty one that ends the output, the request's end, end of
 * file. */
static void *read_records(void *argument)
{
    int fd = *(int *)argument;
    FCGI_Header head;
    bool output = true;
    got_length = 0;
    records = 0;
    valid = true;
    complete = false;
    while (valid && !complete && read_whole(fd, &head, sizeof head)) {
        size_t length = (size_t)head.contentLengthB1 << 8 | head.contentLengthB0;
        records++;
        valid = head.version == FCGI_VERSION_1 && head.type == (output ? FCGI_STDOUT : FCGI_END_REQUEST) &&
                head.requestIdB1 == REQUEST_ID >> 8 && head.requestIdB0 == (REQUEST_ID & 0xff) &&
                head.paddingLength == 0;
        if (valid && output)
            valid = read_output(fd, length);
        else if (valid)
            complete = read_end(fd, length);
        output = output && length > 0;
    }
    shutdown(fd, SHUT_RDWR); /* so that the writer never waits for a reader that failed */
    return NULL;
}

/* Writes a response and checks the records that arrive. */
static void test_response(size_t headers_length, const struct buffer *body, int count)
{
    int fds[2];
    pthread_t thread;
    const struct buffer headers = {.data = wanted, .length = headers_length};
    size_t length = body ? body->length : 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 ||
        pthread_create(&thread, NULL, read_records, &fds[1]) != 0)
        exit(2);
    ok(record_write_response(fds[0], REQUEST_ID, &headers, body),
       "headers of %zu bytes and a body of %zu are written", headers_length, length);
    close(fds[0]);
    pthread_join(thread, NULL);
    close(fds[1]);
    ok(valid && complete, "the records are valid and complete");
    is_int(records, count, "the number of records is minimal");
    ok(got_length == headers_length + length && memcmp(got, wanted, headers_length) == 0 &&
           (!body || memcmp(got + headers_length, body->data, length) == 0),
       "the output is the headers and the body");
}

static void test_length(size_t length, int count)
{
    const struct buffer body = {.data = wanted + HEADERS, .length = length};
    test_response(HEADERS, &body, count + END_RECORDS);
}

static void count_interrupt(int number)
{
    (void)number;
    interrupts++;
}

static void test_interrupted(void)
{
    const struct sigaction interrupt = {.sa_handler = count_interrupt};
    sigaction(SIGUSR1, &interrupt, NULL);
    writer = pthread_self();
    interrupting = true;
    test_length(LONG, 1 + (LONG + RECORD_CONTENT_MAX - 1) / RECORD_CONTENT_MAX);
    interrupting = false;
    ok(interrupts > 0, "signals interrupted the writer");
}

/* The peer reads nothing. */
static void test_stalled(void)
{
    int fds[2];
    const struct timeval timeout = {.tv_usec = 20 * 1000};
    const struct buffer headers = {.data = wanted, .length = HEADERS};
    const struct buffer body = {.data = wanted + HEADERS, .length = LONG};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 ||
        setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0)
        exit(2);
    ok(!record_write_response(fds[0], REQUEST_ID, &headers, &body),
       "a peer that reads nothing causes a timeout");
    close(fds[0]);
    close(fds[1]);
}

static void test_closed(void)
{
    int fds[2];
    const struct buffer headers = {.data = wanted, .length = HEADERS};
    const struct buffer body = {.data = wanted + HEADERS, .length = LONG};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        exit(2);
    close(fds[1]);
    ok(!record_write_response(fds[0], REQUEST_ID, &headers, &body),
       "a closed connection is an error, not a signal");
    close(fds[0]);
}

int main(void)
{
    for (size_t i = 0; i < sizeof wanted; i++)
        wanted[i] = (char)(i * 7919 >> 3);
    test_response(HEADERS, NULL, 1 + END_RECORDS);
    test_response(2 * RECORD_CONTENT_MAX, NULL, 2 + END_RECORDS);
    test_length(0, 1);
    test_length(RECORD_CONTENT_MAX, 2);
    test_length(RECORD_CONTENT_MAX + 1, 3);
    test_length(15 * RECORD_CONTENT_MAX, 16);
    test_length(15 * RECORD_CONTENT_MAX + 1, 17);
    test_length(LONG, 1 + (LONG + RECORD_CONTENT_MAX - 1) / RECORD_CONTENT_MAX);
    test_interrupted();
    test_stalled();
    test_closed();
    return done_testing();
}
