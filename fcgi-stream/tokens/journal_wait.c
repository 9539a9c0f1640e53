#include "fcgi-stream/tokens/journal_wait.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/clock.h"

enum { STEP_NS = 100 * 1000, TIMEOUT_MS = 100 };

void journal_wait(const struct config *config, struct bucket *bucket)
{
    char path[256];
    struct stat file;
    const struct bucket_position *position = bucket_position(bucket);
    int64_t end_ms = clock_ms() + TIMEOUT_MS;
    if (!config_run_path(config, "journal", path, sizeof path) || stat(path, &file) != 0)
        return;
    while (atomic_load(&position->offset) < (uint64_t)file.st_size && clock_left_ms(end_ms) > 0)
        nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
}
