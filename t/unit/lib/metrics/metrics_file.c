#include "lib/metrics/metrics_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

static struct config config;
static const char *const patterns[] = {"/a", "/b/:vid"};
static const char *logged;

static struct metrics_file *create(const char *const *of, size_t count)
{
    struct shared_memory shared;
    capture_begin(STDERR_FILENO);
    bool made = metrics_file_create(&shared, &config, "api", of, count);
    logged = capture_end();
    if (!made)
        return NULL;
    close(shared.fd);
    return shared.memory;
}

static void metrics_file_close(struct metrics_file *file)
{
    munmap(file, sizeof *file);
}

static bool can_read(const char *service)
{
    capture_begin(STDERR_FILENO);
    struct shared_memory shared;
    bool readable = metrics_file_attach(&shared, &config, service);
    logged = capture_end();
    shared_memory_close(&shared);
    return readable;
}

static void overwrite(size_t offset, const char *bytes, size_t length)
{
    int fd = open(scratch_path("api.metrics"), O_WRONLY);
    ok(fd >= 0 && pwrite(fd, bytes, length, (off_t)offset) == (ssize_t)length,
       "the file is overwritten at %zu", offset);
    close(fd);
}

static void test_head(void)
{
    struct metrics_file *file = create(patterns, COUNT_OF(patterns));
    ok(file && !*logged, "the file is created");
    if (!file)
        return;
    is_text(file->head.service, "api", "the header names the service");
    is_int(file->head.route_count, 3, "the file has a row for each route, and one for no route");
    is_text(file->head.patterns[0], "none", "the first pattern is none");
    is_text(file->head.patterns[2], "/b/:vid", "the patterns follow");
    struct stat info;
    ok(stat(scratch_path("api.metrics"), &info) == 0 && (info.st_mode & 07777) == 0640,
       "only the owner can access the file");
    ok(info.st_blocks * 512 >= (blkcnt_t)offsetof(struct metrics_file, routes[3]),
       "the rows of the routes are allocated");
    ok(access(scratch_path("api.metrics.new"), F_OK) != 0, "no temporary file is left");
    metrics_file_close(file);
}

static void test_other_layout(void)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {{"magic", offsetof(struct metrics_head, magic)},
                {"layout", offsetof(struct metrics_head, layout)},
                {"service", offsetof(struct metrics_head, service)}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct metrics_file *old = create(patterns, COUNT_OF(patterns));
        if (old)
            old->values[0] = 42;
        overwrite(rows[i].offset, "x", 1);
        ok(!can_read("api") && strstr(logged, "event=metrics_file_ignored service=api"),
           "a file with another %s is not read", rows[i].name);
        struct metrics_file *file = create(patterns, COUNT_OF(patterns));
        ok(file && strstr(logged, "event=shared_memory_replaced name=api.metrics"),
           "a file with another %s is replaced", rows[i].name);
        is_int(file ? file->values[0] : -1, 0, "the new file is empty");
        is_int(old ? old->values[0] : -1, 42, "a process that has the old file mapped keeps it");
        ok(can_read("api"), "the new file can be read");
        if (file)
            metrics_file_close(file);
        if (old)
            metrics_file_close(old);
    }
}

static void test_other_routes(void)
{
    static const char *const others[] = {"/a", "/c"};
    struct metrics_file *file = create(patterns, COUNT_OF(patterns));
    if (file) {
        file->values[0] = 42;
        metrics_file_close(file);
    }
    file = create(patterns, COUNT_OF(patterns));
    is_int(file ? file->values[0] : -1, 42, "the file is kept when the routes are the same");
    if (file)
        metrics_file_close(file);
    file = create(others, COUNT_OF(others));
    is_int(file ? file->values[0] : -1, 0, "the file is replaced when the routes differ");
    ok(can_read("api"), "the file with other routes can be read");
    if (file)
        metrics_file_close(file);
}

static void test_damaged(void)
{
    ok(truncate(scratch_path("api.metrics"), sizeof(struct metrics_head)) == 0 && !can_read("api"),
       "a file that is too short is not read");
    ok(truncate(scratch_path("api.metrics"), 3) == 0 && !can_read("api"),
       "a file without a whole header is not read");
    struct metrics_file *file = create(patterns, COUNT_OF(patterns));
    ok(file && can_read("api"), "a file that is too short is replaced");
    if (file)
        metrics_file_close(file);
    overwrite(offsetof(struct metrics_head, route_count), "\xff\xff\xff\xff", 4);
    ok(!can_read("api"), "a file with too many routes is not read");
    unlink(scratch_path("api.metrics"));
    ok(symlink("/etc/passwd", scratch_path("api.metrics")) == 0 && !can_read("api"),
       "a symbolic link is not followed");
}

static void test_rejected(void)
{
    unlink(scratch_path("api.metrics"));
    const char *many[METRICS_ROUTES_MAX + 1];
    const char *longest = bytes_repeat('/', METRICS_PATTERN_SIZE);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = "/";
    struct metrics_file *file = create(many, METRICS_ROUTES_MAX);
    ok(file, "a file can have METRICS_ROUTES_MAX routes");
    if (file)
        metrics_file_close(file);
    ok(!create(many, COUNT_OF(many)) && strstr(logged, "event=metrics_failed service=api"),
       "more routes are rejected");
    ok(!create(&longest, 1) && strstr(logged, "event=metrics_failed"),
       "a pattern that is too long is rejected");
    ok(!can_read("nobody") && !*logged, "a missing file is not an error and is not logged");
    const struct config nowhere = {.run_dir = "/nowhere"};
    capture_begin(STDERR_FILENO);
    struct shared_memory shared;
    bool made = metrics_file_create(&shared, &nowhere, "api", patterns, COUNT_OF(patterns));
    logged = capture_end();
    ok(!made && strstr(logged, "event=metrics_failed"), "a missing folder is an error");
}

int main(void)
{
    config.run_dir = scratch_dir();
    test_head();
    test_other_layout();
    test_other_routes();
    test_damaged();
    test_rejected();
    return done_testing();
}
