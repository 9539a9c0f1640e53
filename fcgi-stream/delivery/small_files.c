#include "fcgi-stream/delivery/small_files.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 64 };

struct small_file {
    char key[MEDIA_KEY_SIZE]; /* empty: no file */
    time_t modified;
    struct buffer content;
};

struct small_files {
    pthread_rwlock_t lock;
    size_t oldest; /* replaced next */
    struct small_file files[FILES_MAX];
};

struct small_files *small_files_create(void)
{
    struct small_files *files = calloc(1, sizeof *files);
    if (files)
        pthread_rwlock_init(&files->lock, NULL);
    return files;
}

void small_files_destroy(struct small_files *files)
{
    if (!files)
        return;
    for (size_t i = 0; i < FILES_MAX; i++)
        buffer_free(&files->files[i].content);
    pthread_rwlock_destroy(&files->lock);
    free(files);
}

static const struct small_file *find(const struct small_files *files, const char *key, size_t length)
{
    for (size_t i = 0; i < FILES_MAX; i++)
        if (strcmp(files->files[i].key, key) == 0 && files->files[i].content.length == length)
            return &files->files[i];
    return NULL;
}

static bool copy_cached(struct small_files *files, const char *key, size_t length, struct buffer *out,
                        time_t *modified)
{
    const bool failed = out->failed;
    pthread_rwlock_rdlock(&files->lock);
    const struct small_file *file = find(files, key, length);
    char *place = file ? buffer_extend(out, length) : NULL;
    if (place) {
        memcpy(place, file->content.data, length);
        *modified = file->modified;
    }
    pthread_rwlock_unlock(&files->lock);
    out->failed = failed; /* without memory, nginx sends the file */
    return place != NULL;
}

/* Caches a file, unless another thread holds the lock: waiting for the readers could take
 * forever, and the caller has its content already. */
static void store(struct small_files *files, const char *key, const char *content, size_t length,
                  time_t modified)
{
    if (pthread_rwlock_trywrlock(&files->lock) != 0)
        return;
    if (!find(files, key, length)) {
        struct small_file *file = &files->files[files->oldest];
        files->oldest = (files->oldest + 1) % FILES_MAX;
        buffer_reset(&file->content);
        buffer_append(&file->content, content, length);
        snprintf(file->key, sizeof file->key, "%s", file->content.failed ? "" : key);
        file->modified = modified;
    }
    pthread_rwlock_unlock(&files->lock);
}

bool small_files_read(struct small_files *files, const struct media *media, const char *key, size_t length,
                      struct buffer *out, time_t *modified)
{
    if (copy_cached(files, key, length, out, modified))
        return true;
    if (!media_read(media, key, length, out, modified))
        return false;
    store(files, key, out->data + out->length - length, length, *modified);
    return true;
}
