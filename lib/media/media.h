/* The files of videos and posters on disk. Only this file knows their layout.
 *
 * A file is written once: it arrives in incoming/, is made durable, and is published by a
 * rename to its final name, which is derived from a new key. So readers never see a
 * partial file. Keys are UUIDs in lower case. Nothing here uses the database.
 *
 * "Durable" means that a file or a directory entry has been flushed with fsync(2) or
 * syncfs(2). */
#ifndef LIB_MEDIA_MEDIA_H
#define LIB_MEDIA_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "lib/base/buffer.h"
#include "lib/base/compiler.h"
#include "lib/base/config.h"
#include "lib/base/param.h"

enum { MEDIA_KEY_SIZE = PARAM_UUID_SIZE, MEDIA_PATH_SIZE = 512, MEDIA_NAME_SIZE = 48, MEDIA_FOLDERS = 256 };

struct media {
    char root[MEDIA_PATH_SIZE - 128];
};

/* Determines the path of the media folder and creates nothing. Returns false after
 * logging the reason. */
WARN_UNUSED bool media_locate(struct media *media, const struct config *config);

/* Like media_locate, but also creates missing folders. Returns false after logging the
 * reason. */
WARN_UNUSED bool media_open(struct media *media, const struct config *config);

/* Tests whether a file can be written to incoming/; leaves none behind. Returns false
 * with errno set. */
WARN_UNUSED bool media_can_write(const struct media *media);

/* The name of a file relative to the media folder: ab/ab12…, which needs no escaping in a
 * URL. */
void media_name(const char *key, char name[MEDIA_NAME_SIZE]);

/* The index of the folder that the file is in, 0 to MEDIA_FOLDERS - 1. */
WARN_UNUSED int media_folder(const char *key);

/* The path of a file. */
void media_path(const struct media *media, const char *key, char path[MEDIA_PATH_SIZE]);

/* The path of incoming/. */
void media_incoming_path(const struct media *media, char path[MEDIA_PATH_SIZE]);

/* True when the path is that of a file in incoming/. Rejects subfolders and hidden
 * files. */
WARN_UNUSED bool media_is_incoming(const struct media *media, const char *path);

/* The free bytes of the media folder's file system. Returns false with errno set. */
WARN_UNUSED bool media_free_bytes(const struct media *media, int64_t *bytes);

/* Creates an empty file in incoming/ for what is extracted from the body of the upload
 * with that id (a UUID), and writes its path. Replaces one that a crash has left. Returns
 * the descriptor, which the caller closes, or -1 with errno set. */
int media_create_extract(const struct media *media, const char *id, char path[MEDIA_PATH_SIZE]);

/* Deletes it, if it is there. */
void media_discard_extract(const struct media *media, const char *id);

/* Copies length bytes from one offset to another. Returns false with errno set: EIO when
 * the source is too short. */
WARN_UNUSED bool media_copy(int from, off_t start, off_t length, int to, off_t to_start);

/* Makes renames within incoming/ durable. Returns false with errno set. */
WARN_UNUSED bool media_sync_incoming(const struct media *media);

/* Deletes an incoming file. With a descriptor, not -1, only if the path still is that of
 * the open file. Returns false when nothing was deleted. */
bool media_discard(int fd, const char *incoming);

/* Publishes an incoming file under a new key: makes it durable, renames it, makes the
 * rename durable. Returns false with errno set (ESTALE: the path is another file's by
 * now); the file then has its old name or, if
 * renaming it back failed too, its final one. */
WARN_UNUSED bool media_publish(const struct media *media, int fd, const char *path, const char *key);

/* Deletes a file. Succeeds if there is none, but fails if the media folder itself is
 * missing (as when a disk isn't mounted). The deletion is durable after media_sync.
 * Returns false with errno set. */
WARN_UNUSED bool media_remove(const struct media *media, const char *key);

/* Appends the content of a file of exactly that length to out, and sets *modified to its
 * modification time. Returns false, and appends nothing, when there is no such file, it
 * can't be read, or memory is short. */
WARN_UNUSED bool media_read(const struct media *media, const char *key, size_t length, struct buffer *out,
                            time_t *modified);

/* True when the key has a file, and also when that can't be determined. */
WARN_UNUSED bool media_exists(const struct media *media, const char *key);

/* True when the media folder exists, which means that it has an incoming/. Returns false
 * with errno set. */
WARN_UNUSED bool media_is_available(const struct media *media);

/* Receives the name of a file, which is its key if it is published, and its time of last
 * status change (st_ctime), in seconds since 1970. Returns false to end the list. */
typedef bool media_list_callback(void *context, const char *name, int64_t change_s);

/* Lists all published files, or those in incoming/. Returns true at the end of the list
 * or when the callback ended it, else false with errno set. */
WARN_UNUSED bool media_list(const struct media *media, media_list_callback *callback, void *context);
WARN_UNUSED bool media_list_incoming(const struct media *media, media_list_callback *callback, void *context);

/* Deletes a file by its name in incoming/. Returns false with errno set. */
WARN_UNUSED bool media_remove_incoming(const struct media *media, const char *name);

/* Makes changes in the folder of the key's file durable. Succeeds if there is no such
 * folder. Returns false with errno set. */
WARN_UNUSED bool media_sync(const struct media *media, const char *key);

/* The same for all folders, by flushing their whole file system once. Faster than many
 * calls of media_sync, each of which costs the disk a flush. Returns false with errno
 * set. */
WARN_UNUSED bool media_sync_all(const struct media *media);

#endif
