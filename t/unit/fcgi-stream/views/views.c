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
    is_int((long long)views_peek(views, batch, BATCH, &position), 0, "a new queue has no entries");
    is_int((long long)position, 0, "a new queue is at position 0");
    add(1);
    add(2);
    add(3);
    is_int((long long)views_peek(views, batch, 2, &position), 2, "no more than max entries are copied");
    ok(batch[0].video_id == 1 && batch[1].video_id == 2, "the oldest entries are copied");
    ok(batch[1].client == 6 && batch[1].bytes == 4, "an entry is copied unchanged");
    is_int((long long)views_peek(views, batch, 2, &position), 2,
           "entries that are not marked as counted are copied again");
    views_mark_counted(views, position + 2);
    is_int((long long)views_peek(views, batch, 2, &position), 1, "entries marked as counted are removed");
    is_int(batch[0].video_id, 3, "the next entry follows");
    views_mark_counted(views, 1);
    views_mark_counted(views, 100);
    is_int((long long)views_peek(views, batch, 2, &position), 1, "positions outside the queue are ignored");
    views_mark_counted(views, 3);
    is_int((long long)views_peek(views, batch, 2, &position), 0, "the queue is empty when all are counted");
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
    is_text(views_id(views), id, "the queue has the same id when it is reopened");
    is_int((long long)views_peek(views, batch, BATCH, &position), 1, "its entries survive reopening");
    is_int((long long)position, 3, "its position survives reopening");
    views_mark_counted(views, 4);
    ok(stat(scratch_path("views"), &file) == 0 && (file.st_mode & 0777) == 0600, "the file has mode 0600");

    views_close(views);
    close(scratch_file("views", BYTES("vsviews\0\0\0\0\0\0\0\0")));
    views = views_open(&config);
    ok(strcmp(views_id(views), id) != 0, "a queue of another layout is replaced by one with a new id");
    is_int((long long)views_peek(views, batch, BATCH, &position), 0, "the replaced queue is empty");
    is_int((long long)position, 0, "the replaced queue is at position 0");
}

static void test_full(void)
{
    struct view batch[BATCH];
    uint64_t position;
    int added = 0;
    while (added < 2 * SIZE && add(added))
        added++;
    is_int(added, SIZE, "the queue takes as many entries as it has places");
    ok(!add(7), "an entry is rejected when the queue is full");
    is_int((long long)views_peek(views, batch, 1, &position), 1, "the oldest entry is still there");
    is_int(batch[0].video_id, 0, "the oldest entry is unchanged");
    views_mark_counted(views, position + SIZE);
    ok(add(7), "entries are accepted again when some are counted");
    views_mark_counted(views, position + SIZE + 1);
}

static void *write_many(void *none)
{
    (void)none;
    for (int64_t i = 0; i < MANY;)
        i += add(i);
    return NULL;
}

static void test_concurrent(void)
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
        views_mark_counted(views, position + count);
    }
    pthread_join(writer, NULL);
    is_int(wrong, 0, "with a concurrent writer and reader each entry arrives once and in order");
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
    test_concurrent();
    views_close(views);
    capture_begin(STDERR_FILENO);
    views = views_open(&nowhere);
    ok(strstr(capture_end(), "event=views_failed") && !views, "a missing run folder is logged");
    return done_testing();
}
