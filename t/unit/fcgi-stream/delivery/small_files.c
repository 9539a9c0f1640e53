#include "fcgi-stream/delivery/small_files.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/scratch.h"
#include "t/unit/tap.h"

enum { FILES = 200, CACHED = 64, THREADS = 4, READS = 20000, LENGTH = 1000, TIMEOUT_S = 20 };

static struct media media;
static struct small_files *files;

static const char *key_of(int number, char key[MEDIA_KEY_SIZE])
{
    snprintf(key, MEDIA_KEY_SIZE, "ab8fad5b-d9cb-469f-a165-%012d", number);
    return key;
}

static const char *path_of(int number)
{
    static char path[MEDIA_PATH_SIZE];
    char key[MEDIA_KEY_SIZE], name[MEDIA_NAME_SIZE];
    media_name(key_of(number, key), name);
    snprintf(path, sizeof path, "%s/%s", media.root, name);
    return path;
}

static void write_file(int number, size_t length)
{
    char content[SMALL_FILE_MAX];
    FILE *file = fopen(path_of(number), "w");
    memset(content, number, length);
    if (!file || fwrite(content, 1, length, file) != length || fclose(file) != 0)
        exit(2);
}

/* Whether the file is read, and exactly its content is appended. */
static bool reads(int number, size_t length)
{
    struct buffer out = {0};
    char key[MEDIA_KEY_SIZE];
    time_t modified = 0;
    buffer_text(&out, "<");
    bool read = small_files_read(files, &media, key_of(number, key), length, &out, &modified);
    bool right =
        out.length == (read ? 1 + length : 1) && out.data[0] == '<' && !out.failed && (!read || modified > 0);
    for (size_t i = 1; i < out.length; i++)
        right = right && out.data[i] == (char)number;
    buffer_free(&out);
    return read && right;
}

static void test_cache(void)
{
    struct stat file = {0};
    struct buffer out = {0};
    char key[MEDIA_KEY_SIZE];
    time_t modified = 0;
    ok(!reads(1, LENGTH), "a missing file is not read");
    write_file(1, LENGTH);
    ok(!reads(1, LENGTH + 1), "a file of another length is not read");
    ok(reads(1, LENGTH), "an existing file is read");
    if (stat(path_of(1), &file) != 0)
        exit(2);
    unlink(path_of(1));
    ok(reads(1, LENGTH), "a file that was read before comes from the cache");
    ok(small_files_read(files, &media, key_of(1, key), LENGTH, &out, &modified) &&
           modified == file.st_mtim.tv_sec,
       "the modification time comes from the cache");
    ok(!reads(1, LENGTH - 1), "a cached file is not returned for another length");
    ok(!reads(2, LENGTH), "a cached file is not returned for another key");
    out.failed = true;
    ok(!small_files_read(files, &media, key, LENGTH, &out, &modified) && out.length == LENGTH && out.failed,
       "nothing is appended to a buffer that has failed");
    buffer_free(&out);
    struct buffer full = {.length = SIZE_MAX / 4};
    ok(!small_files_read(files, &media, key, LENGTH, &full, &modified) && full.length == SIZE_MAX / 4 &&
           !full.failed,
       "without memory nothing is appended, and the buffer does not fail");
    write_file(3, SMALL_FILE_MAX);
    ok(reads(3, SMALL_FILE_MAX), "a file of the maximum size is read");
    unlink(path_of(3));
    ok(reads(3, SMALL_FILE_MAX), "a file of the maximum size is cached");
}

/* Reads random files. */
static void *read_many(void *argument)
{
    unsigned seed = (unsigned)(size_t)argument;
    size_t wrong = 0;
    for (int i = 0; i < READS; i++)
        wrong += !reads(rand_r(&seed) % FILES, LENGTH);
    return (void *)wrong;
}

static void test_many(void)
{
    pthread_t threads[THREADS];
    size_t wrong = 0;
    for (int i = 0; i < FILES; i++)
        write_file(i, LENGTH);
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, read_many, (void *)(i + 1)) != 0)
            exit(2);
    for (size_t i = 0; i < THREADS; i++) {
        void *more;
        pthread_join(threads[i], &more);
        wrong += (size_t)more;
    }
    is_int((long long)wrong, 0, "concurrent threads read the right files");
}

static void test_oldest(void)
{
    int wrong = 0;
    for (int i = 0; i < FILES; i++)
        wrong += !reads(i, LENGTH);
    is_int(wrong, 0, "all files are read again");
    for (int i = 0; i < FILES; i++)
        unlink(path_of(i));
    for (int i = 0; i < FILES; i++)
        wrong += reads(i, LENGTH) != (i >= FILES - CACHED);
    is_int(wrong, 0, "only the last %d files are cached", CACHED);
}

static void *read_repeatedly(void *stop)
{
    struct buffer out = {0};
    char key[MEDIA_KEY_SIZE];
    time_t modified;
    key_of(FILES, key);
    while (!atomic_load((atomic_bool *)stop)) {
        out.length = 0;
        if (!small_files_read(files, &media, key, SMALL_FILE_MAX, &out, &modified))
            exit(2);
    }
    buffer_free(&out);
    return NULL;
}

/* With enough readers the lock may never be free for a writer. */
static void test_busy(void)
{
    pthread_t threads[2 * THREADS];
    atomic_bool stop = false;
    int wrong = 0;
    write_file(FILES, SMALL_FILE_MAX);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        if (pthread_create(&threads[i], NULL, read_repeatedly, &stop) != 0)
            exit(2);
    alarm(TIMEOUT_S);
    for (int i = 0; i < CACHED - 1; i++) {
        write_file(i, LENGTH);
        wrong += !reads(i, LENGTH);
    }
    alarm(0);
    is_int(wrong, 0, "other files are read while the lock is held by readers");
    atomic_store(&stop, true);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    snprintf(media.root, sizeof media.root, "%s", scratch_dir());
    files = small_files_create();
    if (!files || mkdir(scratch_path("ab"), 0700) != 0)
        exit(2);
    test_cache();
    test_many();
    test_oldest();
    test_busy();
    small_files_destroy(files);
    return done_testing();
}
