#include "lib/process/record.h"

#include <errno.h>
#include <fastcgi.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { RECORDS_MAX = 16 };

/* Records that are not written yet. */
struct pending {
    int fd, request_id, count, records;
    FCGI_Header heads[RECORDS_MAX];
    struct iovec parts[2 * RECORDS_MAX];
};

/* Removes the written bytes from the front of the message. */
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

static bool add_record(struct pending *pending, int type, const void *content, size_t length)
{
    if (pending->records == RECORDS_MAX && !flush(pending))
        return false;
    FCGI_Header *head = &pending->heads[pending->records++];
    *head = (FCGI_Header){
        .version = FCGI_VERSION_1,
        .type = (unsigned char)type,
        .requestIdB1 = (unsigned char)(pending->request_id >> 8),
        .requestIdB0 = (unsigned char)pending->request_id,
        .contentLengthB1 = (unsigned char)(length >> 8),
        .contentLengthB0 = (unsigned char)length,
    };
    pending->parts[pending->count++] = (struct iovec){head, sizeof *head};
    pending->parts[pending->count++] = (struct iovec){(void *)content, length};
    return true;
}

static bool add_output(struct pending *pending, const struct buffer *output)
{
    for (size_t at = 0, length; at < output->length; at += length) {
        length = output->length - at < RECORD_CONTENT_MAX ? output->length - at : RECORD_CONTENT_MAX;
        if (!add_record(pending, FCGI_STDOUT, output->data + at, length))
            return false;
    }
    return true;
}

bool record_write_response(int fd, int request_id, const struct buffer *headers, const struct buffer *body)
{
    static const FCGI_EndRequestBody complete = {.protocolStatus = FCGI_REQUEST_COMPLETE};
    struct pending pending = {.fd = fd, .request_id = request_id};
    return add_output(&pending, headers) && (!body || add_output(&pending, body)) &&
           add_record(&pending, FCGI_STDOUT, NULL, 0) &&
           add_record(&pending, FCGI_END_REQUEST, &complete, sizeof complete) && flush(&pending);
}
