#include "shared.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "scratch.h"
#include "tap.h"

struct numbers {
    struct shared_head head;
    int values[10000];
};

static const struct shared_head head = {"numbers", 1, sizeof(int)};
static struct config config;

static struct numbers *open_as(const struct shared_head *as)
{
    return shared_open(&config, "numbers", as, sizeof(struct numbers));
}

static void close_numbers(struct numbers *numbers)
{
    shared_close(numbers, sizeof *numbers);
}

static void test_open(void)
{
    struct stat file;
    struct numbers *numbers = open_as(&head), *again;
    ok(numbers && numbers->values[0] == 0 && numbers->values[9999] == 0, "it begins with zeros");
    ok(stat(scratch_path("numbers"), &file) == 0 && (file.st_mode & 0777) == 0600, "is nobody else's");
    ok(file.st_blocks * 512 >= (blkcnt_t)sizeof *numbers, "and has its memory");
    numbers->values[9999] = 5;
    again = open_as(&head);
    is_int(again->values[9999], 5, "who opens it again has the same");
    close_numbers(again);
    close_numbers(numbers);
    numbers = open_as(&head);
    is_int(numbers->values[9999], 5, "also when nobody had it open");
    close_numbers(numbers);
}

static void test_layouts(void)
{
    static const struct shared_head others[] = {
        {"another", 1, sizeof(int)}, {"numbers", 2, sizeof(int)}, {"numbers", 1, sizeof(int) + 1}};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct numbers *numbers = open_as(&others[i]);
        ok(numbers && numbers->values[9999] == 0, "one of another layout is replaced (%zu)", i);
        errno = 0;
        ok(!shared_attach(&config, "numbers", &head, sizeof *numbers) && errno == EPROTO,
           "and can't be attached to");
        close_numbers(numbers);
        numbers = open_as(&head);
        numbers->values[9999] = 5;
        close_numbers(numbers);
    }
}

static void test_attach(void)
{
    struct numbers *numbers = open_as(&head);
    struct numbers *attached = shared_attach(&config, "numbers", &head, sizeof *numbers);
    numbers->values[1] = 7;
    ok(attached && attached->values[1] == 7, "another program has the same");
    close_numbers(attached);
    close_numbers(numbers);
    errno = 0;
    ok(!shared_attach(&config, "letters", &head, sizeof *numbers) && errno == ENOENT, "or there is none");
    ok(access(scratch_path("letters"), F_OK) != 0, "which is not made");
    close(scratch_file("cut", BYTES("numbers\0\1\0\0\0\4\0\0\0")));
    errno = 0;
    ok(!shared_attach(&config, "cut", &head, sizeof *numbers) && errno == EPROTO,
       "one that is cut off is refused");
    numbers = shared_open(&config, "cut", &head, sizeof *numbers);
    ok(numbers && numbers->values[9999] == 0, "and completed by whom it belongs to");
    close_numbers(numbers);
}

static void test_faults(void)
{
    const struct config nowhere = {.run_dir = "/nowhere/at/all"};
    errno = 0;
    ok(!shared_open(&nowhere, "numbers", &head, sizeof(struct numbers)) && errno == ENOENT, "no folder");
    ok(symlink(scratch_path("numbers"), scratch_path("link")) == 0 &&
           !shared_open(&config, "link", &head, sizeof(struct numbers)) && errno == ELOOP,
       "a link is not followed");
    ok(!shared_attach(&config, "link", &head, sizeof(struct numbers)) && errno == ELOOP, "by nobody");
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    errno = 0;
    ok(!shared_open(&config, name, &head, sizeof(struct numbers)) && errno == ENAMETOOLONG, "a long name");
}

int main(void)
{
    config.run_dir = scratch_dir();
    test_open();
    test_layouts();
    test_attach();
    test_faults();
    return done_testing();
}
