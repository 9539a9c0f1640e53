/* The files of resumable uploads; a part of media.h.
 *
 * The received bytes of an upload are one file in incoming/, named by the upload's id.
 * Its size is the upload's offset, so no second place can contradict it. A chunk counts
 * once it is durable. A writer holds the file's lock (flock(2)), which the kernel
 * releases when the process dies. The received part of a chunk whose client disconnected
 * is saved next to it as ID.OFFSET until media_upload_append_saved appends it.
 *
 * A complete upload is published with its id as the key, so its bytes can be found by the
 * id at any time. */
#ifndef LIB_MEDIA_MEDIA_UPLOAD_H
#define LIB_MEDIA_MEDIA_UPLOAD_H

#include "lib/media/media.h"

struct media_upload {
    const struct media *media;
    const char *id; /* the caller's text */
    int fd;
    off_t size;     /* bytes received so far */
    bool published; /* the file has its final name, and nothing can be appended */
    char path[MEDIA_PATH_SIZE];
};

/* Opens and locks an upload; creates an empty file if there is none. The caller closes it
 * with media_upload_close. Returns false with errno set: EWOULDBLOCK when another request
 * has it open. */
WARN_UNUSED bool media_upload_open(const struct media *media, const char *id, struct media_upload *upload);
void media_upload_close(struct media_upload *upload);

/* The current size of an upload, which may be open elsewhere; 0 when it has no file.
 * Returns false with errno set. */
WARN_UNUSED bool media_upload_size(const struct media *media, const char *id, off_t *size);

/* Appends a chunk, which is the incoming file at path, and makes it durable. The incoming
 * file is then renamed (the first chunk) or copied and deleted. fd stays the caller's.
 * Returns false with errno set; normally nothing has been appended. If that can't be
 * undone, the file keeps valid bytes of the chunk, and the next media_upload_open counts
 * them. */
WARN_UNUSED bool media_upload_append(struct media_upload *upload, int fd, const char *path, off_t length);

/* Saves an incoming file as a chunk that starts at the offset. Returns false, and leaves
 * the file as it is, when the upload is at another offset or on an error. */
WARN_UNUSED bool media_upload_save_chunk(const struct media *media, const char *id, off_t offset,
                                         const char *path);

/* Appends saved chunks as long as one starts at the current offset. length is the
 * upload's total; a chunk that exceeds it is deleted. Returns false with errno set. */
WARN_UNUSED bool media_upload_append_saved(struct media_upload *upload, off_t length);

/* Publishes a complete upload (see media_publish). May be repeated. Returns false with
 * errno set. */
WARN_UNUSED bool media_upload_publish(struct media_upload *upload);

enum { MEDIA_CHUNK_NAME_SIZE = PARAM_UUID_SIZE + 20 };

/* Parses the name of a chunk: the upload's id, a dot, the offset of the chunk's first
 * byte. Neither allocates nor logs. */
WARN_UNUSED bool media_upload_chunk_parse(const char *text, char id[PARAM_UUID_SIZE], int64_t *offset);

/* Deletes an upload's file and the saved chunk at its offset. A published file stays. */
void media_upload_remove(const struct media *media, const char *id);

#endif
