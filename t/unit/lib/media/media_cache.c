#include "lib/media/media_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

#define KEY   "0123456b-0123-4567-89ab-0123456789ab"
#define OTHER "1123456b-0123-4567-89ab-0123456789ab"

static struct config config;
static struct media_cache *cache;

static bool is_fresh(int64_t id)
{
    struct media_cache_entry file;
    return media_cache_find_fresh(cache, id, &file);
}

static const char *find(int64_t id)
{
    static struct media_cache_entry file;
    return media_cache_find(cache, id, &file) ? file.key : NULL;
}

static void test_find(void)
{
    struct media_cache_entry file;
    int64_t now = clock_us();
    is_text(find(1), NULL, "a new cache is empty");
    media_cache_put(cache, 1, KEY, "video/mp4", 1234, now);
    ok(media_cache_find(cache, 1, &file), "a stored video is found");
    is_text(file.key, KEY, "the entry has the key");
    is_text(file.content_type, "video/mp4", "the entry has the content type");
    is_int(file.size, 1234, "the entry has the size");
    is_text(find(2), NULL, "another video is not found");
    media_cache_put(cache, 1, OTHER, "video/webm", 1234, now);
    is_text(find(1), OTHER, "a new file replaces the entry");
    media_cache_put(cache, 2, KEY, "video/mp4", 1234, now - MEDIA_CACHE_TTL_US + 5000 * 1000);
    is_text(find(2), KEY, "an entry is found for a minute");
    media_cache_put(cache, 3, KEY, "video/mp4", 1234, now - MEDIA_CACHE_TTL_US - 1);
    is_text(find(3), NULL, "an entry older than a minute is not found");
    media_cache_put(cache, 4, KEY, "a type that is longer than any is", 1234, now);
    is_text(find(4), NULL, "a content type that is too long is not stored");
}

static void test_fresh(void)
{
    int64_t now = clock_us();
    media_cache_put(cache, 5, KEY, "video/mp4", 1234, now);
    ok(is_fresh(5), "a new entry is fresh");
    media_cache_remove(cache, 5);
    ok(!is_fresh(5), "a removed entry is not fresh");
    media_cache_put(cache, 6, KEY, "video/mp4", 1234, now - 1001 * 1000);
    ok(!is_fresh(6), "an entry older than a second is not fresh");
    is_text(find(6), KEY, "an entry older than a second is found");
}

static void test_remove(void)
{
    int64_t now = clock_us();
    media_cache_put(cache, 10, KEY, "video/mp4", 1234, now);
    media_cache_put(cache, 11, KEY, "video/mp4", 1234, now);
    media_cache_remove(cache, 10);
    is_text(find(10), NULL, "a removed video is not found");
    is_text(find(11), KEY, "other videos are still found");
    media_cache_put(cache, 10, KEY, "video/mp4", 1234, now);
    is_text(find(10), NULL, "an earlier query does not bring a removed video back");
    media_cache_put(cache, 10, KEY, "video/mp4", 1234, clock_us() + 1);
    is_text(find(10), KEY, "a later query brings a removed video back");

    media_cache_remove_in(&config, 11);
    is_text(find(11), NULL, "another program can remove a video");
    capture_begin(STDERR_FILENO);
    const struct config nowhere = {.run_dir = "/nowhere/at/all"};
    media_cache_remove_in(&nowhere, 11);
    is_text(capture_end(), "", "removing without a table logs nothing");
}

static void test_many(void)
{
    int64_t now = clock_us();
    int found = 0;
    for (int id = 1000; id < 3000; id++)
        media_cache_put(cache, id, KEY, "video/mp4", 1234, now);
    for (int id = 1000; id < 3000; id++)
        found += find(id) != NULL;
    is_int(found, 2000, "two thousand videos fit");
    for (int id = 100000; id < 200000; id++)
        media_cache_put(cache, id, KEY, "video/mp4", 1234, now + 1);
    found = 0;
    for (int id = 190000; id < 200000; id++)
        found += find(id) != NULL;
    ok(found > 2000, "a full cache keeps some of the newest videos");
}

static void test_open(void)
{
    struct stat file;
    media_cache_put(cache, 20, KEY, "video/mp4", 1234, clock_us());
    media_cache_close(cache);
    cache = media_cache_open(&config);
    is_text(find(20), KEY, "entries survive a restart");
    media_cache_close(cache);
    ok(stat(scratch_path("media_cache"), &file) == 0 && (file.st_mode & 0777) == 0600,
       "only the owner can read the table");

    close(scratch_file("media_cache", BYTES("vsmcache\0\0\0\0\0\0\0\0")));
    capture_begin(STDERR_FILENO);
    media_cache_remove_in(&config, 20);
    ok(strstr(capture_end(), "event=media_cache_failed"),
       "removing from a table with another layout is logged");
    cache = media_cache_open(&config);
    ok(cache && !find(20), "opening replaces a table with another layout");

    const struct config nowhere = {.run_dir = "/nowhere/at/all"};
    capture_begin(STDERR_FILENO);
    struct media_cache *none = media_cache_open(&nowhere);
    ok(strstr(capture_end(), "event=media_cache_failed") && !none, "a missing run folder is logged");
}

enum { THREADS = 4, ROUNDS = 100000 };

static atomic_int wrong;

/* Each video has one key, which starts with its number. */
static void *churn(void *argument)
{
    int start = *(int *)argument;
    char key[MEDIA_KEY_SIZE] = KEY;
    struct media_cache_entry file;
    for (int i = 0; i < ROUNDS; i++) {
        int id = 1 + (start + i * 7) % 64;
        key[0] = (char)('0' + id);
        media_cache_put(cache, id, key, "video/mp4", 1234, clock_us() + i % 3 * 2000 * 1000);
        id = 1 + i % 64;
        if (media_cache_find(cache, id, &file) && file.key[0] != '0' + id)
            wrong++;
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    int starts[THREADS];
    for (int i = 0; i < THREADS; i++) {
        starts[i] = i * 13;
        if (pthread_create(&threads[i], NULL, churn, &starts[i]) != 0)
            exit(2);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    is_int(wrong, 0, "concurrent writers never mix up two videos");
}

int main(void)
{
    config.run_dir = scratch_dir();
    cache = media_cache_open(&config);
    if (!cache)
        return 2;
    test_find();
    test_fresh();
    test_remove();
    test_many();
    test_open();
    test_threads();
    media_cache_close(cache);
    return done_testing();
}
