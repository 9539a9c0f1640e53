#include "lib/media/media_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { WRITE_BACK_BYTES = 8 * 1024 * 1024 };

bool media_write(struct media_writer *writer, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = pwrite(writer->fd, bytes, length, writer->end);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        writer->end += written;
        bytes += written;
        length -= (size_t)written;
    }
    if (writer->end - writer->written_back >= WRITE_BACK_BYTES)
        media_write_back(writer);
    return true;
}

void media_write_back(struct media_writer *writer)
{
    if (writer->end > writer->written_back)
        sync_file_range(writer->fd, writer->written_back, writer->end - writer->written_back,
                        SYNC_FILE_RANGE_WRITE);
    writer->written_back = writer->end;
}
