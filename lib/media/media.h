/* Where the video files lie, known to this file alone.
 *
 * A file is written once: it arrives under incoming/, is made durable, and gets its final name, made from a
 * new key, by a rename, so no reader ever sees half of one. Nothing here opens a transaction or asks the
 * database. Keys are UUIDs in lower case. */
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

/* Finds out where the media lie, and makes nothing. False is logged. */
WARN_UNUSED bool media_locate(struct media *media, const struct config *config);

/* As media_locate, and makes the folders that are missing. */
WARN_UNUSED bool media_open(struct media *media, const struct config *config);

/* True when a new file can be written, which is tried. False with errno set. */
WARN_UNUSED bool media_can_write(const struct media *media);

/* The name of a file within the media folder, ab/ab12…, of fixed characters only. */
void media_name(const char *key, char name[MEDIA_NAME_SIZE]);

/* Which of the MEDIA_FOLDERS folders the file is in. */
WARN_UNUSED int media_folder(const char *key);

/* The path of a file. */
void media_path(const struct media *media, const char *key, char path[MEDIA_PATH_SIZE]);

/* The path of incoming/. */
void media_incoming_path(const struct media *media, char path[MEDIA_PATH_SIZE]);

/* True when the path is that of a file in incoming/, as nginx names the bodies that it writes. */
WARN_UNUSED bool media_is_incoming(const struct media *media, const char *path);

/* The bytes that may still be written to the file system of the media. False with errno set. */
WARN_UNUSED bool media_free_bytes(const struct media *media, int64_t *bytes);

/* Creates an empty file beside an incoming one, for what is extracted from it, in place of any that was
 * left there, and writes its path. Returns the descriptor, or -1 with errno set. */
int media_create_extract(const char *incoming, char path[MEDIA_PATH_SIZE]);

/* Copies length bytes within the file system, from one place to another. False with errno set. */
WARN_UNUSED bool media_copy(int from, off_t start, off_t length, int to, off_t to_start);

/* Makes durable what has got another name in incoming/. False with errno set. */
WARN_UNUSED bool media_sync_incoming(const struct media *media);

/* Removes an incoming file and what was extracted from it, where they still have these names. Returns
 * false when there was no such incoming file. */
bool media_discard(const char *incoming);

/* Makes the incoming file durable and gives it its final name, that of the key, which must be new. False with
 * errno set: the file is where it was or, should even that fail, where it was to be. */
WARN_UNUSED bool media_publish(const struct media *media, int fd, const char *path, const char *key);

/* Removes a file; one that isn't there is removed already, but not when the media folder isn't there itself (an
 * empty one, where a disk should be mounted, isn't it). It is sure to stay away after media_sync. False with
 * errno set. */
WARN_UNUSED bool media_remove(const struct media *media, const char *key);

/* Appends what is in a file of that length, and says when it was written, in seconds since 1970. False when there is no such
 * file, or it can't be read: nothing is appended then. */
WARN_UNUSED bool media_read(const struct media *media, const char *key, size_t length, struct buffer *out,
                            time_t *modified);

/* True when there is a file of that key. */
WARN_UNUSED bool media_exists(const struct media *media, const char *key);

/* True when the media folder is there; else errno says why it isn't. */
WARN_UNUSED bool media_is_available(const struct media *media);

/* Says of a file what it is called, or which key it has, and when it was written, renamed or linked last, in
 * seconds since 1970. False ends the list. */
typedef bool media_list_callback(void *context, const char *name, int64_t change_s);

/* Lists all published files, or those that arrived in incoming/. True when the list came to its end or was ended;
 * false with errno set. */
WARN_UNUSED bool media_list(const struct media *media, media_list_callback *look, void *context);
WARN_UNUSED bool media_list_incoming(const struct media *media, media_list_callback *look, void *context);

/* Removes the file of that name from incoming/. False with errno set. */
WARN_UNUSED bool media_remove_incoming(const struct media *media, const char *name);

/* Makes durable what was removed from the folder that the key's file is in. False with errno set. */
WARN_UNUSED bool media_sync(const struct media *media, const char *key);

/* The same for all folders at once, and for all else that is written to their file system: quicker than many
 * folders one by one, each of which costs the disk a flush. False with errno set. */
WARN_UNUSED bool media_sync_all(const struct media *media);

#endif
