#include "record.h"

#include <errno.h>
#include <fastcgi.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { RECORDS_AT_ONCE = 16 };

/* What waits to be written. */
struct pending {
    int fd, request_id, count, records;
    FCGI_Header heads[RECORDS_AT_ONCE];
    struct iovec parts[3 * RECORDS_AT_ONCE];
};

static void add_part(struct pending *pending, const void *bytes, size_t length)
{
    pending->parts[pending->count++] = (struct iovec){(void *)bytes, length};
}

/* A record begins that will have so many bytes of content. */
static void add_record(struct pending *pending, size_t length)
{
    FCGI_Header *head = &pending->heads[pending->records++];
    *head = (FCGI_Header){
        .version = FCGI_VERSION_1,
        .type = FCGI_STDOUT,
        .requestIdB1 = (unsigned char)(pending->request_id >> 8),
        .requestIdB0 = (unsigned char)pending->request_id,
        .contentLengthB1 = (unsigned char)(length >> 8),
        .contentLengthB0 = (unsigned char)length,
    };
    add_part(pending, head, sizeof *head);
}

/* Takes away what has been written. */
static void advance(struct msghdr *message, size_t written)
{
    while (message->msg_iovlen > 0 && written >= message->msg_iov->iov_len) {
        written -= message->msg_iov->iov_len;
        message->msg_iov++;
        message->msg_iovlen--;
    }
    if (message->msg_iovlen > 0) {
        message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + written;
        message->msg_iov->iov_len -= written;
    }
}

static bool flush(struct pending *pending)
{
    struct msghdr message = {.msg_iov = pending->parts, .msg_iovlen = (size_t)pending->count};
    while (message.msg_iovlen > 0) {
        ssize_t written = sendmsg(pending->fd, &message, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        advance(&message, (size_t)written);
    }
    pending->count = pending->records = 0;
    return true;
}

bool record_write(int fd, int request_id, const struct buffer *headers, const struct buffer *body)
{
    struct pending pending = {.fd = fd, .request_id = request_id};
    add_record(&pending, headers->length + 2);
    add_part(&pending, headers->data, headers->length);
    add_part(&pending, "\r\n", 2);
    for (size_t at = 0, length; at < body->length; at += length) {
        length = body->length - at < RECORD_CONTENT_MAX ? body->length - at : RECORD_CONTENT_MAX;
        if (pending.records == RECORDS_AT_ONCE && !flush(&pending))
            return false;
        add_record(&pending, length);
        add_part(&pending, body->data + at, length);
    }
    return flush(&pending);
}
