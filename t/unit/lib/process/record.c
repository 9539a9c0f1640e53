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
    PIECE = 8 * 1024,
    REQUEST_ID = 0x0102,
    ENDS = 2 /* records at the end */
};

static char wanted[HEADERS + LONG], got[HEADERS + LONG];
static size_t got_length;
static int records;
static bool proper, complete;

static pthread_t writer;
static volatile sig_atomic_t interrupts;
static bool disturbs; /* the reader interrupts the writer, who then has written a part */

static bool read_whole(int fd, void *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t most = disturbs && length - at > PIECE ? PIECE : length - at;
        ssize_t count = read(fd, (char *)bytes + at, most);
        if (count <= 0)
            return false;
        at += (size_t)count;
        if (disturbs)
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

/* Output, an empty record that ends it, and the request's end, after which there is nothing. */
static void *read_records(void *argument)
{
    int fd = *(int *)argument;
    FCGI_Header head;
    bool output = true;
    got_length = 0;
    records = 0;
    proper = true;
    complete = false;
    while (proper && !complete && read_whole(fd, &head, sizeof head)) {
        size_t length = (size_t)head.contentLengthB1 << 8 | head.contentLengthB0;
        records++;
        proper = head.version == FCGI_VERSION_1 && head.type == (output ? FCGI_STDOUT : FCGI_END_REQUEST) &&
                 head.requestIdB1 == REQUEST_ID >> 8 && head.requestIdB0 == (REQUEST_ID & 0xff) &&
                 head.paddingLength == 0;
        if (proper && output)
            proper = read_output(fd, length);
        else if (proper)
            complete = read_end(fd, length);
        output = output && length > 0;
    }
    shutdown(fd, SHUT_RDWR); /* nobody waits for a reader that has given up */
    return NULL;
}

/* body: NULL, or one of so many bytes. */
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
    ok(proper && complete, "as output of that request, and its end");
    is_int(records, count, "in as few records as there can be");
    ok(got_length == headers_length + length && memcmp(got, wanted, headers_length) == 0 &&
           (!body || memcmp(got + headers_length, body->data, length) == 0),
       "the headers, and all of the body");
}

static void test_length(size_t length, int count)
{
    const struct buffer body = {.data = wanted + HEADERS, .length = length};
    test_response(HEADERS, &body, count + ENDS);
}

static void count_interrupt(int number)
{
    (void)number;
    interrupts++;
}

static void test_disturbed(void)
{
    const struct sigaction interrupt = {.sa_handler = count_interrupt};
    sigaction(SIGUSR1, &interrupt, NULL);
    writer = pthread_self();
    disturbs = true;
    test_length(LONG, 1 + (LONG + RECORD_CONTENT_MAX - 1) / RECORD_CONTENT_MAX);
    disturbs = false;
    ok(interrupts > 0, "signals came meanwhile");
}

/* A peer that reads nothing. */
static void test_stalled(void)
{
    int fds[2];
    const struct timeval patience = {.tv_usec = 20 * 1000};
    const struct buffer headers = {.data = wanted, .length = HEADERS};
    const struct buffer body = {.data = wanted + HEADERS, .length = LONG};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 ||
        setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
        exit(2);
    ok(!record_write_response(fds[0], REQUEST_ID, &headers, &body), "who takes nothing is given up");
    close(fds[0]);
    close(fds[1]);
}

static void test_gone(void)
{
    int fds[2];
    const struct buffer headers = {.data = wanted, .length = HEADERS};
    const struct buffer body = {.data = wanted + HEADERS, .length = LONG};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        exit(2);
    close(fds[1]);
    ok(!record_write_response(fds[0], REQUEST_ID, &headers, &body), "a peer that has gone is no signal");
    close(fds[0]);
}

int main(void)
{
    for (size_t i = 0; i < sizeof wanted; i++)
        wanted[i] = (char)(i * 7919 >> 3);
    test_response(HEADERS, NULL, 1 + ENDS);
    test_response(2 * RECORD_CONTENT_MAX, NULL, 2 + ENDS);
    test_length(0, 1);
    test_length(RECORD_CONTENT_MAX, 2);
    test_length(RECORD_CONTENT_MAX + 1, 3);
    test_length(15 * RECORD_CONTENT_MAX, 16);
    test_length(15 * RECORD_CONTENT_MAX + 1, 17);
    test_length(LONG, 1 + (LONG + RECORD_CONTENT_MAX - 1) / RECORD_CONTENT_MAX);
    test_disturbed();
    test_stalled();
    test_gone();
    return done_testing();
}
