/* Where uploads lie that come in pieces, until they are whole; a part of media.h.
 *
 * The bytes of an upload so far are one file, named by its id, and its size is how far the upload is: there is no
 * second place that could say something else. A piece is made durable before it counts. Whoever writes holds the
 * file's lock, which the kernel takes back from those who die. What has arrived of a piece whose client vanished
 * is kept beside it, under the id and the offset that it begins at, until somebody collects it.
 *
 * A whole upload is published under its id as the key, so at every moment its bytes can be found by the id. */
#ifndef LIB_MEDIA_MEDIA_UPLOAD_H
#define LIB_MEDIA_MEDIA_UPLOAD_H

#include "lib/media/media.h"

struct media_upload {
    const struct media *media;
    const char *id; /* as it was given */
    int fd;
    off_t size;     /* bytes so far */
    bool published; /* it has its final name, and nothing can be added */
    char path[MEDIA_PATH_SIZE];
};

/* Opens and locks an upload; there may be nothing of it yet. False with errno set, EWOULDBLOCK when somebody else
 * has it open. */
WARN_UNUSED bool media_upload_open(const struct media *media, const char *id, struct media_upload *upload);
void media_upload_close(struct media_upload *upload);

/* The size of an upload that somebody else may have open. False with errno set. */
WARN_UNUSED bool media_upload_size(const struct media *media, const char *id, off_t *size);

/* Adds a piece, the incoming file at the path, and makes it durable. The file is gone then, renamed or copied.
 * False with errno set, and nothing has been added. */
WARN_UNUSED bool media_upload_append(struct media_upload *upload, int fd, const char *path, off_t length);

/* Keeps an incoming file as a piece that begins at the offset. False when the upload is elsewhere by now, or
 * with errno set; the file is where it was. */
WARN_UNUSED bool media_upload_save_chunk(const struct media *media, const char *id, off_t offset,
                                         const char *path);

/* Adds what was kept and fits, up to length bytes in all. False with errno set. */
WARN_UNUSED bool media_upload_append_saved(struct media_upload *upload, off_t length);

/* Gives a whole upload its final name, durably. False with errno set. */
WARN_UNUSED bool media_upload_publish(struct media_upload *upload);

enum { MEDIA_CHUNK_NAME_SIZE = PARAM_UUID_SIZE + 20 };

/* Parses the name that nginx has for a chunk of an upload: the id, a dot, the offset of the chunk's
 * first byte. Neither allocates nor logs. */
WARN_UNUSED bool media_upload_chunk_parse(const char *text, char id[PARAM_UUID_SIZE], int64_t *offset);

/* Removes all that there is of an upload, unless it is published. */
void media_upload_remove(const struct media *media, const char *id);

#endif
