#include "fcgi-stream/tokens/journal_wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

enum { BYTES = 1000, READ_AFTER_US = 1000, TIMEOUT_MS = 100, TRIES = 100 };

static struct config config = {.stream_tokens = 1, .upload_tokens = 1};
static struct bucket *bucket;

static void *read_soon(void *none)
{
    usleep(READ_AFTER_US);
    atomic_store(&bucket_position(bucket)->offset, BYTES);
    return none;
}

/* Whether it waits for a reader that reads soon. On a busy machine that may be too
 * late. */
static bool waits_for_reader(void)
{
    pthread_t thread;
    atomic_store(&bucket_position(bucket)->offset, BYTES - 1);
    if (pthread_create(&thread, NULL, read_soon, NULL) != 0)
        exit(2);
    journal_wait(&config, bucket);
    bool read = atomic_load(&bucket_position(bucket)->offset) == BYTES;
    pthread_join(thread, NULL);
    return read;
}

static void test_wait(void)
{
    int tries = 0;
    while (tries < TRIES && !waits_for_reader())
        tries++;
    ok(tries < TRIES, "waits until the journal has been read");

    atomic_store(&bucket_position(bucket)->offset, BYTES - 1);
    int64_t before_ms = clock_ms();
    journal_wait(&config, bucket);
    ok(clock_ms() - before_ms >= TIMEOUT_MS - 1, "gives up after the timeout when nothing reads the journal");

    unlink(scratch_path("journal"));
    journal_wait(&config, bucket);
    ok(true, "returns when there is no journal");
}

int main(void)
{
    static const char bytes[BYTES];
    config.run_dir = config.state_dir = scratch_dir();
    close(scratch_file("journal", bytes, sizeof bytes));
    bucket = bucket_open(&config);
    if (!bucket)
        exit(2);
    test_wait();
    bucket_close(bucket);
    return done_testing();
}
