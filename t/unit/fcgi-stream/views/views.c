#include "fcgi-stream/views/views.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

enum { SIZE = 65536, BATCH = 1000, MANY = 300000 };

static struct config config;
static struct views *views;

static bool add(int64_t number)
{
    return views_add(views, &(struct view){number, (uint64_t)number * 3, number * 2});
}

static void test_order(void)
{
    struct view batch[BATCH];
    uint64_t position;
    is_int((long long)views_peek(views, batch, BATCH, &position), 0, "a new queue is empty");
    is_int((long long)position, 0, "and at its beginning");
    add(1);
    add(2);
    add(3);
    is_int((long long)views_peek(views, batch, 2, &position), 2, "no more come than are wanted");
    ok(batch[0].video_id == 1 && batch[1].video_id == 2, "those that came first");
    ok(batch[1].client == 6 && batch[1].bytes == 4, "as they were");
    is_int((long long)views_peek(views, batch, 2, &position), 2, "and again, unless they were counted");
    views_counted(views, position + 2);
    is_int((long long)views_peek(views, batch, 2, &position), 1, "then the rest comes");
    is_int(batch[0].video_id, 3, "which is the third");
    views_counted(views, 1);
    views_counted(views, 100);
    is_int((long long)views_peek(views, batch, 2, &position), 1, "a position that can't be changes nothing");
    views_counted(views, 3);
    is_int((long long)views_peek(views, batch, 2, &position), 0, "all are counted");
}

static void test_reopen(void)
{
    struct view batch[BATCH];
    uint64_t position;
    char id[PARAM_UUID_SIZE];
    struct stat file;
    add(4);
    strcpy(id, views_id(views));
    views_close(views);
    views = views_open(&config);
    is_text(views_id(views), id, "a restart leaves the queue what it is");
    is_int((long long)views_peek(views, batch, BATCH, &position), 1, "with what is in it");
    is_int((long long)position, 3, "and where it was");
    views_counted(views, 4);
    ok(stat(scratch_path("views"), &file) == 0 && (file.st_mode & 0777) == 0600, "the file is nobody else's");

    views_close(views);
    close(scratch_file("views", BYTES("vsviews\0\0\0\0\0\0\0\0")));
    views = views_open(&config);
    ok(strcmp(views_id(views), id) != 0, "one of another layout is replaced by a new one");
    is_int((long long)views_peek(views, batch, BATCH, &position), 0, "which is empty");
    is_int((long long)position, 0, "and begins anew");
}

static void test_full(void)
{
    struct view batch[BATCH];
    uint64_t position;
    int added = 0;
    while (added < 2 * SIZE && add(added))
        added++;
    is_int(added, SIZE, "as many as have room are taken");
    ok(!add(7), "and no more");
    is_int((long long)views_peek(views, batch, 1, &position), 1, "the first is still the first");
    is_int(batch[0].video_id, 0, "as it was");
    views_counted(views, position + SIZE);
    ok(add(7), "once they are counted there is room");
    views_counted(views, position + SIZE + 1);
}

static void *write_many(void *none)
{
    (void)none;
    for (int64_t i = 0; i < MANY;)
        i += add(i);
    return NULL;
}

static void test_both(void)
{
    pthread_t writer;
    static struct view batch[BATCH];
    uint64_t position;
    int64_t next = 0;
    int wrong = 0;
    if (pthread_create(&writer, NULL, write_many, NULL) != 0)
        exit(2);
    while (next < MANY) {
        size_t count = views_peek(views, batch, BATCH, &position);
        for (size_t i = 0; i < count; i++, next++)
            wrong += batch[i].video_id != next || batch[i].bytes != next * 2;
        views_counted(views, position + count);
    }
    pthread_join(writer, NULL);
    is_int(wrong, 0, "with a writer and a reader at once, each comes once and in order");
}

int main(void)
{
    const struct config nowhere = {.run_dir = "/nowhere/at/all"};
    config.run_dir = scratch_dir();
    views = views_open(&config);
    if (!views)
        return 2;
    test_order();
    test_reopen();
    test_full();
    test_both();
    views_close(views);
    capture_begin(STDERR_FILENO);
    views = views_open(&nowhere);
    ok(strstr(capture_end(), "event=views_failed") && !views, "a folder that is missing is logged");
    return done_testing();
}
