#include "lib/media/media.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/media/media_writer.h"

enum { PROBE_BYTES = 4096, BLOCK_BYTES = 256 * 1024 };

#define EXTRACT_SUFFIX ".file"

static bool make_dir(const char *path)
{
    return mkdir(path, 0750) == 0 || errno == EEXIST;
}

bool media_locate(struct media *media, const struct config *config)
{
    int length = *config->media_dir
                     ? snprintf(media->root, sizeof media->root, "%s", config->media_dir)
                     : snprintf(media->root, sizeof media->root, "%s/media", config->state_dir);
    if (length < 0 || (size_t)length >= sizeof media->root) {
        log_write(LOG_ERROR, "media_failed", "reason=\"VS_MEDIA_DIR is too long\"");
        return false;
    }
    return true;
}

void media_incoming_path(const struct media *media, char path[MEDIA_PATH_SIZE])
{
    snprintf(path, MEDIA_PATH_SIZE, "%s/incoming", media->root);
}

static bool sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = fsync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return done;
}

/* Creates all folders in advance and makes them durable once. media_publish creates one
 * that is missing. */
static void make_folders(const struct media *media)
{
    char path[MEDIA_PATH_SIZE];
    bool made = true;
    for (int i = 0; i < MEDIA_FOLDERS && made; i++) {
        snprintf(path, sizeof path, "%s/%02x", media->root, (unsigned)i);
        made = make_dir(path);
    }
    if (!made || !sync_dir(media->root))
        log_write(LOG_WARNING, "media_folders_missing", "path=%s reason=\"%s\"", media->root,
                  strerror(errno));
}

bool media_open(struct media *media, const struct config *config)
{
    char incoming[MEDIA_PATH_SIZE];
    if (!media_locate(media, config))
        return false;
    media_incoming_path(media, incoming);
    if (!make_dir(media->root) || !make_dir(incoming)) {
        log_write(LOG_ERROR, "media_failed", "path=%s reason=\"%s\"", media->root, strerror(errno));
        return false;
    }
    make_folders(media);
    return true;
}

/* Opens an unnamed file or, if the file system doesn't support O_TMPFILE, one that is
 * unlinked at once. */
static int open_unnamed(const char *folder)
{
    char path[MEDIA_PATH_SIZE + 16];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    snprintf(path, sizeof path, "%s/.probe-XXXXXX", folder);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

bool media_can_write(const struct media *media)
{
    char incoming[MEDIA_PATH_SIZE];
    media_incoming_path(media, incoming);
    int fd = open_unnamed(incoming);
    if (fd < 0)
        return false;
    int error = posix_fallocate(fd, 0, PROBE_BYTES);
    close(fd);
    errno = error;
    return error == 0;
}

void media_name(const char *key, char name[MEDIA_NAME_SIZE])
{
    snprintf(name, MEDIA_NAME_SIZE, "%.2s/%.36s", key, key);
}

bool media_is_incoming(const struct media *media, const char *path)
{
    size_t root = strlen(media->root);
    static const char folder[] = "/incoming/";
    if (strncmp(path, media->root, root) != 0 || strncmp(path + root, folder, sizeof folder - 1) != 0)
        return false;
    const char *name = path + root + sizeof folder - 1;
    return *name && *name != '.' && !strchr(name, '/');
}

bool media_free_bytes(const struct media *media, int64_t *bytes)
{
    struct statvfs disk;
    if (statvfs(media->root, &disk) != 0)
        return false;
    *bytes = (int64_t)(disk.f_bavail * disk.f_frsize);
    return true;
}

static void extract_path(const struct media *media, const char *id, char path[MEDIA_PATH_SIZE])
{
    snprintf(path, MEDIA_PATH_SIZE, "%s/incoming/%.36s" EXTRACT_SUFFIX, media->root, id);
}

int media_create_extract(const struct media *media, const char *id, char path[MEDIA_PATH_SIZE])
{
    extract_path(media, id, path);
    unlink(path); /* nginx repeats a request whose worker has died */
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void media_discard_extract(const struct media *media, const char *id)
{
    char path[MEDIA_PATH_SIZE];
    extract_path(media, id, path);
    unlink(path);
}

/* True when the path still is that of the open file: after a restart nginx reuses the
 * names of its body files. */
static bool has_path(int fd, const char *path)
{
    struct stat file, named;
    if (fstat(fd, &file) != 0 || lstat(path, &named) != 0)
        return false;
    errno = ESTALE;
    return file.st_ino == named.st_ino && file.st_dev == named.st_dev;
}

bool media_discard(int fd, const char *incoming)
{
    return (fd < 0 || has_path(fd, incoming)) && unlink(incoming) == 0;
}

bool media_sync_incoming(const struct media *media)
{
    char path[MEDIA_PATH_SIZE];
    snprintf(path, sizeof path, "%s/incoming", media->root);
    return sync_dir(path);
}

/* Not with copy_file_range(2): on ext4 it copies page by page, which takes longer and
 * makes the write-back slower too. File systems that could share blocks can't here,
 * because chunks are not aligned to blocks. */
bool media_copy(int from, off_t start, off_t length, int to, off_t to_start)
{
    struct media_writer writer = {.fd = to, .end = to_start, .written_back = to_start};
    char *block = malloc(BLOCK_BYTES);
    bool good = block;
    for (off_t at = 0; good && at < length;) {
        size_t size = (size_t)(length - at < BLOCK_BYTES ? length - at : BLOCK_BYTES);
        ssize_t count = pread(from, block, size, start + at);
        if (count == 0)
            errno = EIO;
        good = count > 0 ? media_write(&writer, block, (size_t)count) : errno == EINTR;
        at += count > 0 ? count : 0;
    }
    int saved = errno;
    media_write_back(&writer);
    free(block);
    errno = saved;
    return good;
}

static int digit_value(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

int media_folder(const char *key)
{
    return digit_value(key[0]) * 16 + digit_value(key[1]);
}

static void folder_path(const struct media *media, const char *key, char path[MEDIA_PATH_SIZE])
{
    snprintf(path, MEDIA_PATH_SIZE, "%s/%.2s", media->root, key);
}

void media_path(const struct media *media, const char *key, char path[MEDIA_PATH_SIZE])
{
    char name[MEDIA_NAME_SIZE];
    media_name(key, name);
    snprintf(path, MEDIA_PATH_SIZE, "%s/%s", media->root, name);
}

/* Creates the folder of the key's file if it is missing. */
static bool make_folder(const struct media *media, const char *key)
{
    char path[MEDIA_PATH_SIZE];
    folder_path(media, key, path);
    if (mkdir(path, 0750) != 0)
        return errno == EEXIST;
    if (sync_dir(media->root))
        return true;
    int saved = errno;
    rmdir(path); /* so that the next call creates it again and makes it durable */
    errno = saved;
    return false;
}

bool media_publish(const struct media *media, int fd, const char *path, const char *key)
{
    char final[MEDIA_PATH_SIZE];
    media_path(media, key, final);
    if (fsync(fd) != 0 || !make_folder(media, key) || !has_path(fd, path) || rename(path, final) != 0)
        return false;
    if (media_sync(media, key))
        return true;
    int saved = errno;
    (void)!rename(final, path); /* if this fails, reconciliation deletes the file */
    errno = saved;
    return false;
}

bool media_remove(const struct media *media, const char *key)
{
    char path[MEDIA_PATH_SIZE];
    media_path(media, key, path);
    if (unlink(path) == 0)
        return true;
    return errno == ENOENT && media_is_available(media);
}

bool media_sync(const struct media *media, const char *key)
{
    char path[MEDIA_PATH_SIZE];
    folder_path(media, key, path);
    return sync_dir(path) || errno == ENOENT;
}

bool media_sync_all(const struct media *media)
{
    int fd = open(media->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = syncfs(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return done;
}

bool media_read(const struct media *media, const char *key, size_t length, struct buffer *out,
                time_t *modified)
{
    char path[MEDIA_PATH_SIZE];
    struct stat file;
    const struct buffer before = *out;
    media_path(media, key, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool suitable = fd >= 0 && fstat(fd, &file) == 0 && (size_t)file.st_size == length;
    char *place = suitable ? buffer_extend(out, length) : NULL;
    bool whole = place && read(fd, place, length) == (ssize_t)length;
    if (!whole) {
        out->length = before.length;
        out->failed = before.failed; /* not a failure: nginx can send the file instead */
    }
    if (fd >= 0)
        close(fd);
    if (whole)
        *modified = file.st_mtim.tv_sec;
    return whole;
}

bool media_exists(const struct media *media, const char *key)
{
    char path[MEDIA_PATH_SIZE];
    media_path(media, key, path);
    return access(path, F_OK) == 0 || errno != ENOENT; /* EACCES, say, proves nothing */
}

bool media_is_available(const struct media *media)
{
    char incoming[MEDIA_PATH_SIZE];
    struct stat folder;
    media_incoming_path(media, incoming);
    return stat(incoming, &folder) == 0;
}

/* Passes a folder's regular files to the callback. Returns 1 at the end, 0 when the
 * callback ended the list, -1 with errno set. */
static int list_folder(const char *path, bool keys_only, media_list_callback *callback, void *context)
{
    const struct dirent *entry;
    struct stat file;
    char key[MEDIA_KEY_SIZE];
    bool more = true;
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOENT && keys_only ? 1 : -1;
    while (more && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.' || (keys_only && !param_uuid(entry->d_name, strlen(entry->d_name), key)))
            continue;
        if (fstatat(dirfd(folder), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(file.st_mode))
            more = callback(context, entry->d_name, file.st_ctime);
    }
    closedir(folder);
    return more;
}

bool media_list(const struct media *media, media_list_callback *callback, void *context)
{
    char path[MEDIA_PATH_SIZE];
    int result = 1;
    for (int i = 0; i < MEDIA_FOLDERS && result > 0; i++) {
        snprintf(path, sizeof path, "%s/%02x", media->root, (unsigned)i);
        result = list_folder(path, true, callback, context);
    }
    return result >= 0;
}

bool media_list_incoming(const struct media *media, media_list_callback *callback, void *context)
{
    char path[MEDIA_PATH_SIZE];
    media_incoming_path(media, path);
    return list_folder(path, false, callback, context) >= 0;
}

bool media_remove_incoming(const struct media *media, const char *name)
{
    char path[MEDIA_PATH_SIZE];
    int length = snprintf(path, sizeof path, "%s/incoming/%s", media->root, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    return unlink(path) == 0;
}
