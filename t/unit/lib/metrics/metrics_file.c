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

static struct metrics_file *make(const char *const *of, size_t count)
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
    ok(fd >= 0 && pwrite(fd, bytes, length, (off_t)offset) == (ssize_t)length, "somebody writes to it");
    close(fd);
}

static void test_head(void)
{
    struct metrics_file *file = make(patterns, COUNT_OF(patterns));
    ok(file && !*logged, "a file is made");
    if (!file)
        return;
    is_text(file->head.service, "api", "for that service");
    is_int(file->head.route_count, 3, "with a place for each route, and one for none");
    is_text(file->head.patterns[0], "none", "none");
    is_text(file->head.patterns[2], "/b/:vid", "and the patterns");
    struct stat info;
    ok(stat(scratch_path("api.metrics"), &info) == 0 && (info.st_mode & 07777) == 0600, "not for everybody");
    ok(info.st_blocks * 512 >= (blkcnt_t)offsetof(struct metrics_file, routes[3]), "its routes have memory");
    ok(access(scratch_path("api.metrics.new"), F_OK) != 0, "nothing else is left");
    metrics_file_close(file);
}

static void test_other_layout(void)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {{"a magic", offsetof(struct metrics_head, magic)},
                {"a layout", offsetof(struct metrics_head, layout)},
                {"a service", offsetof(struct metrics_head, service)}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct metrics_file *old = make(patterns, COUNT_OF(patterns));
        if (old)
            old->values[0] = 42;
        overwrite(rows[i].offset, "x", 1);
        ok(!can_read("api") && strstr(logged, "event=metrics_refused service=api"), "%s of another: not read",
           rows[i].name);
        struct metrics_file *file = make(patterns, COUNT_OF(patterns));
        ok(file && strstr(logged, "event=shared_memory_replaced name=api.metrics"), "but replaced");
        is_int(file ? file->values[0] : -1, 0, "by an empty one");
        is_int(old ? old->values[0] : -1, 42, "and whoever has the old one keeps it");
        ok(can_read("api"), "that can be read");
        if (file)
            metrics_file_close(file);
        if (old)
            metrics_file_close(old);
    }
}

static void test_other_routes(void)
{
    static const char *const others[] = {"/a", "/c"};
    struct metrics_file *file = make(patterns, COUNT_OF(patterns));
    if (file) {
        file->values[0] = 42;
        metrics_file_close(file);
    }
    file = make(patterns, COUNT_OF(patterns));
    is_int(file ? file->values[0] : -1, 42, "the same routes: the same file");
    if (file)
        metrics_file_close(file);
    file = make(others, COUNT_OF(others));
    is_int(file ? file->values[0] : -1, 0, "other routes: another one");
    ok(can_read("api"), "which can be read");
    if (file)
        metrics_file_close(file);
}

static void test_damaged(void)
{
    ok(truncate(scratch_path("api.metrics"), sizeof(struct metrics_head)) == 0 && !can_read("api"),
       "one that is too short isn't read");
    ok(truncate(scratch_path("api.metrics"), 3) == 0 && !can_read("api"), "nor one without a head");
    struct metrics_file *file = make(patterns, COUNT_OF(patterns));
    ok(file && can_read("api"), "both are replaced");
    if (file)
        metrics_file_close(file);
    overwrite(offsetof(struct metrics_head, route_count), "\xff\xff\xff\xff", 4);
    ok(!can_read("api"), "one with more routes than there can be isn't read");
    unlink(scratch_path("api.metrics"));
    ok(symlink("/etc/passwd", scratch_path("api.metrics")) == 0 && !can_read("api"), "a link isn't followed");
}

static void test_refused(void)
{
    unlink(scratch_path("api.metrics"));
    const char *many[METRICS_ROUTES_MAX + 1];
    const char *longest = bytes_repeat('/', METRICS_PATTERN_SIZE);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = "/";
    struct metrics_file *file = make(many, METRICS_ROUTES_MAX);
    ok(file, "as many routes as there can be");
    if (file)
        metrics_file_close(file);
    ok(!make(many, COUNT_OF(many)) && strstr(logged, "event=metrics_failed service=api"), "more are refused");
    ok(!make(&longest, 1) && strstr(logged, "event=metrics_failed"), "a pattern that is too long, too");
    ok(!can_read("nobody") && !*logged, "no file of that name: nothing to say");
    const struct config nowhere = {.run_dir = "/nowhere"};
    capture_begin(STDERR_FILENO);
    struct shared_memory shared;
    bool made = metrics_file_create(&shared, &nowhere, "api", patterns, COUNT_OF(patterns));
    logged = capture_end();
    ok(!made && strstr(logged, "event=metrics_failed"), "no folder: refused");
}

int main(void)
{
    config.run_dir = scratch_dir();
    test_head();
    test_other_layout();
    test_other_routes();
    test_damaged();
    test_refused();
    return done_testing();
}
