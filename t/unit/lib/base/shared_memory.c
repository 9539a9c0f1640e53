#include "lib/base/shared_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

struct numbers {
    struct shared_memory_head head;
    int values[10000];
};

static const struct shared_memory_head head = {"numbers", 1, sizeof(int)};
static struct config config;
static const char *logged;

/* The last mapping. After a failure, errno has the reason. */
static struct shared_memory last;

static struct shared_memory_layout layout_of(const char *name, const struct shared_memory_head *as)
{
    return (struct shared_memory_layout){name, as, sizeof *as, sizeof(struct numbers),
                                         sizeof(struct numbers)};
}

static struct numbers *open_named(const struct config *of, const char *name,
                                  const struct shared_memory_head *as)
{
    const struct shared_memory_layout layout = layout_of(name, as);
    return shared_memory_open(&last, of, &layout) ? last.memory : NULL;
}

static struct numbers *open_as(const struct shared_memory_head *as)
{
    capture_begin(STDERR_FILENO);
    struct numbers *numbers = open_named(&config, "numbers", as);
    logged = capture_end();
    return numbers;
}

static struct numbers *attach(const char *name)
{
    const struct shared_memory_layout layout = layout_of(name, &head);
    return shared_memory_attach(&last, &config, &layout) ? last.memory : NULL;
}

static void close_numbers(struct numbers *numbers)
{
    munmap(numbers, sizeof *numbers);
}

static void test_open(void)
{
    struct stat file;
    struct numbers *numbers = open_as(&head), *again;
    ok(numbers && numbers->values[0] == 0 && numbers->values[9999] == 0,
       "a new file is zero after its header");
    ok(stat(scratch_path("numbers"), &file) == 0 && (file.st_mode & 0777) == 0600,
       "only the owner can access the file");
    ok(file.st_blocks * 512 >= (blkcnt_t)sizeof *numbers, "the reserved part of the file is allocated");
    numbers->values[9999] = 5;
    again = open_as(&head);
    is_int(again->values[9999], 5, "opening the file again maps the same memory");
    close_numbers(again);
    close_numbers(numbers);
    numbers = open_as(&head);
    is_int(numbers->values[9999], 5, "the content survives when no process has the file mapped");
    close_numbers(numbers);
}

static void test_layouts(void)
{
    static const struct shared_memory_head others[] = {
        {"another", 1, sizeof(int)}, {"numbers", 2, sizeof(int)}, {"numbers", 1, sizeof(int) + 1}};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct numbers *numbers = open_as(&others[i]);
        ok(numbers && numbers->values[9999] == 0, "a file of another layout is replaced (%zu)", i);
        ok(strstr(logged, "event=shared_memory_replaced name=numbers"), "replacing a file is logged");
        ok(access(scratch_path("numbers.new"), F_OK) != 0, "replacing a file leaves no temporary file");
        errno = 0;
        ok(!attach("numbers") && errno == EPROTO, "attaching to another layout fails with EPROTO");
        close_numbers(numbers);
        numbers = open_as(&head);
        numbers->values[9999] = 5;
        close_numbers(numbers);
    }
}

static void test_read_only(void)
{
    struct numbers *numbers = open_as(&head);
    numbers->values[2] = 9;
    struct shared_memory_layout layout = layout_of("numbers", &head);
    struct shared_memory shared;
    layout.read_only = true;
    bool attached = shared_memory_attach(&shared, &config, &layout);
    ok(attached && ((const struct numbers *)shared.memory)->values[2] == 9, "a reader sees the values");
    errno = 0;
    ok(pwrite(shared.fd, "x", 1, 0) < 0 && errno == EBADF, "a reader cannot write");
    shared_memory_close(&shared);
    close_numbers(numbers);
}

static void test_attach(void)
{
    struct numbers *numbers = open_as(&head);
    struct numbers *attached = attach("numbers");
    numbers->values[1] = 7;
    ok(attached && attached->values[1] == 7, "attaching maps the same memory");
    close_numbers(attached);
    close_numbers(numbers);
    errno = 0;
    ok(!attach("letters") && errno == ENOENT, "attaching to a missing file fails with ENOENT");
    ok(access(scratch_path("letters"), F_OK) != 0, "attaching does not create the file");
    close(scratch_file("cut", BYTES("numbers\0\1\0\0\0\4\0\0\0")));
    errno = 0;
    ok(!attach("cut") && errno == EPROTO, "attaching to a truncated file fails with EPROTO");
    numbers = open_named(&config, "cut", &head);
    ok(numbers && numbers->values[9999] == 0, "opening a truncated file replaces it");
    close_numbers(numbers);
}

static void test_faults(void)
{
    const struct config nowhere = {.run_dir = "/nowhere/at/all"};
    errno = 0;
    ok(!open_named(&nowhere, "numbers", &head) && errno == ENOENT, "a missing folder fails with ENOENT");
    ok(symlink(scratch_path("numbers"), scratch_path("link")) == 0 && !open_named(&config, "link", &head) &&
           errno == ELOOP,
       "opening does not follow a symbolic link");
    ok(!attach("link") && errno == ELOOP, "attaching does not follow a symbolic link");
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    errno = 0;
    ok(!open_named(&config, name, &head) && errno == ENAMETOOLONG,
       "a path that is too long fails with ENAMETOOLONG");
}

int main(void)
{
    config.run_dir = scratch_dir();
    test_open();
    test_layouts();
    test_attach();
    test_read_only();
    test_faults();
    return done_testing();
}
