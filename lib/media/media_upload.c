#include "lib/media/media_upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Before an opened file is locked, it may lose its name to the rename of a first chunk or
 * to a publication. Then the upload is opened again. */
enum { OPEN_TRIES = 10 };

static void upload_path(const struct media *media, const char *id, char path[MEDIA_PATH_SIZE])
{
    snprintf(path, MEDIA_PATH_SIZE, "%s/incoming/%.36s", media->root, id);
}

static void saved_path(const struct media *media, const char *id, off_t offset, char path[MEDIA_PATH_SIZE])
{
    snprintf(path, MEDIA_PATH_SIZE, "%s/incoming/%.36s.%" PRId64, media->root, id, (int64_t)offset);
}

/* Opens the upload's file, published or not, or creates it. */
static int open_or_create(struct media_upload *upload)
{
    char final[MEDIA_PATH_SIZE];
    int fd = open(upload->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    media_path(upload->media, upload->id, final);
    fd = open(final, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        upload->published = true;
        return fd;
    }
    return errno == ENOENT ? open(upload->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
}

/* True when the open file still has its name. */
static bool is_current(const struct media_upload *upload, const struct stat *file)
{
    char final[MEDIA_PATH_SIZE];
    struct stat named;
    media_path(upload->media, upload->id, final);
    return stat(upload->published ? final : upload->path, &named) == 0 && named.st_ino == file->st_ino &&
           named.st_dev == file->st_dev;
}

bool media_upload_open(const struct media *media, const char *id, struct media_upload *upload)
{
    for (int i = 0; i < OPEN_TRIES; i++) {
        struct stat file;
        *upload = (struct media_upload){.media = media, .id = id, .fd = -1};
        upload_path(media, id, upload->path);
        upload->fd = open_or_create(upload);
        if (upload->fd < 0)
            return false;
        bool locked = flock(upload->fd, LOCK_EX | LOCK_NB) == 0 && fstat(upload->fd, &file) == 0;
        if (locked && is_current(upload, &file)) {
            upload->size = file.st_size;
            return true;
        }
        int saved = locked ? EWOULDBLOCK : errno;
        media_upload_close(upload);
        errno = saved;
        if (!locked)
            return false;
    }
    return false;
}

void media_upload_close(struct media_upload *upload)
{
    if (upload->fd >= 0)
        close(upload->fd);
    upload->fd = -1;
}

bool media_upload_size(const struct media *media, const char *id, off_t *size)
{
    char path[MEDIA_PATH_SIZE];
    struct stat file = {.st_size = 0};
    upload_path(media, id, path);
    if (stat(path, &file) != 0) {
        if (errno != ENOENT)
            return false;
        media_path(media, id, path);
        if (stat(path, &file) != 0 && errno != ENOENT)
            return false;
    }
    *size = file.st_size;
    return true;
}

/* The first chunk's incoming file becomes the upload's file. No other process has it
 * open, so its lock is free. */
static bool adopt_file(struct media_upload *upload, int fd, const char *path)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return false;
    if (flock(own, LOCK_EX | LOCK_NB) == 0 && fsync(own) == 0 && rename(path, upload->path) == 0) {
        media_upload_close(upload);
        upload->fd = own;
        return media_sync_incoming(upload->media);
    }
    int saved = errno;
    close(own);
    errno = saved;
    return false;
}

static bool append_copy(struct media_upload *upload, int fd, const char *path, off_t length)
{
    if (media_copy(fd, 0, length, upload->fd, upload->size) && fsync(upload->fd) == 0) {
        unlink(path);
        return true;
    }
    int saved = errno;
    if (ftruncate(upload->fd, upload->size) != 0) {
        struct stat file;
        if (fstat(upload->fd, &file) == 0)
            upload->size = file.st_size; /* the appended bytes are valid all the same */
    }
    errno = saved;
    return false;
}

bool media_upload_append(struct media_upload *upload, int fd, const char *path, off_t length)
{
    bool added = upload->size == 0 ? adopt_file(upload, fd, path) : append_copy(upload, fd, path, length);
    if (!added)
        return false;
    /* A chunk that was saved for the same offset is obsolete. */
    char saved_file[MEDIA_PATH_SIZE];
    saved_path(upload->media, upload->id, upload->size, saved_file);
    unlink(saved_file);
    upload->size += length;
    return true;
}

bool media_upload_save_chunk(const struct media *media, const char *id, off_t offset, const char *path)
{
    char saved_file[MEDIA_PATH_SIZE];
    off_t size;
    if (!media_upload_size(media, id, &size) || size != offset)
        return false;
    saved_path(media, id, offset, saved_file);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool renamed = fd >= 0 && rename(path, saved_file) == 0;
    if (fd >= 0)
        close(fd);
    return renamed;
}

/* Appends the saved chunk at the current offset. Sets *found to whether there was one. */
static bool append_saved_chunk(struct media_upload *upload, off_t length, bool *found)
{
    char saved_file[MEDIA_PATH_SIZE];
    struct stat file;
    saved_path(upload->media, upload->id, upload->size, saved_file);
    int fd = open(saved_file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    *found = fd >= 0;
    if (!*found)
        return errno == ENOENT;
    bool good = fstat(fd, &file) == 0;
    if (good && (file.st_size == 0 || file.st_size > length - upload->size)) {
        unlink(saved_file);
        *found = false;
    } else if (good) {
        good = media_upload_append(upload, fd, saved_file, file.st_size);
    }
    close(fd);
    return good;
}

bool media_upload_append_saved(struct media_upload *upload, off_t length)
{
    bool found = !upload->published, good = true;
    while (found && good)
        good = append_saved_chunk(upload, length, &found);
    return good;
}

bool media_upload_publish(struct media_upload *upload)
{
    if (!upload->published) {
        upload->published = media_publish(upload->media, upload->fd, upload->path, upload->id);
        return upload->published;
    }
    return fsync(upload->fd) == 0 && media_sync(upload->media, upload->id);
}

void media_upload_remove(const struct media *media, const char *id)
{
    char path[MEDIA_PATH_SIZE];
    off_t size;
    if (media_upload_size(media, id, &size)) {
        saved_path(media, id, size, path);
        unlink(path);
    }
    upload_path(media, id, path);
    unlink(path);
}

bool media_upload_chunk_parse(const char *text, char id[PARAM_UUID_SIZE], int64_t *offset)
{
    size_t id_length = PARAM_UUID_SIZE - 1;
    return strlen(text) > id_length && text[id_length] == '.' && param_uuid(text, id_length, id) &&
           param_number(text + id_length + 1, strlen(text + id_length + 1), INT64_MAX, offset);
}
