#include "metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

enum { PATH_SIZE = 256 };

static const char magic[8] = "vsmetric";

const int64_t metrics_bucket_us[METRICS_BUCKETS - 1] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3; /* FNV-1a */
    return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return text ? hash_bytes(hash, text, strlen(text) + 1) : hash;
}

/* The same for two programs only when a number of one's file is the same number in the other's. */
static uint64_t layout(void)
{
    static const size_t sizes[] = {sizeof(struct metrics_file), sizeof(struct metrics_route)};
    uint64_t hash = hash_bytes(0xcbf29ce484222325, sizes, sizeof sizes);
    hash = hash_bytes(hash, metrics_bucket_us, sizeof metrics_bucket_us);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        hash = hash_text(hash, metric_rows[i].name);
        hash = hash_text(hash, metric_rows[i].label);
    }
    return hash;
}

static bool fill_head(struct metrics_head *head, const char *service, const char *const *patterns,
                      size_t count)
{
    if (count > METRICS_ROUTES_MAX || strlen(service) >= sizeof head->service) {
        errno = E2BIG;
        return false;
    }
    *head = (struct metrics_head){.layout = layout(), .route_count = count + 1, .patterns = {"none"}};
    memcpy(head->magic, magic, sizeof magic);
    memcpy(head->service, service, strlen(service));
    for (size_t i = 0; i < count; i++) {
        if (strlen(patterns[i]) >= METRICS_PATTERN_SIZE) {
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(head->patterns[i + 1], patterns[i], strlen(patterns[i]));
    }
    return true;
}

static bool path_of(const struct config *config, const char *service, const char *suffix,
                    char path[PATH_SIZE])
{
    char name[64];
    snprintf(name, sizeof name, "%s.metrics%s", service, suffix);
    errno = ENAMETOOLONG;
    return config_run_path(config, name, path, PATH_SIZE);
}

static size_t file_size(uint64_t route_count)
{
    return offsetof(struct metrics_file, routes) + route_count * sizeof(struct metrics_route);
}

static struct metrics_file *map(int fd, int protection)
{
    void *memory = mmap(NULL, sizeof(struct metrics_file), protection, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Whether the file's head is of our layout and the file has all that it speaks of. */
static bool is_readable(int fd, struct metrics_head *head, const char *service)
{
    struct stat file;
    return pread(fd, head, sizeof *head, 0) == sizeof *head && fstat(fd, &file) == 0 &&
           memcmp(head->magic, magic, sizeof magic) == 0 && head->layout == layout() &&
           strncmp(head->service, service, sizeof head->service) == 0 && head->route_count <= METRICS_CELLS &&
           (size_t)file.st_size == file_size(head->route_count);
}

/* The file at the path if it has that head, else NULL. */
static struct metrics_file *go_on(const char *path, const struct metrics_head *head)
{
    struct metrics_head found;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return NULL;
    struct metrics_file *file = NULL;
    if (is_readable(fd, &found, head->service) && memcmp(&found, head, sizeof found) == 0)
        file = map(fd, PROT_READ | PROT_WRITE);
    else
        log_write(LOG_WARNING, "metrics_replaced", "reason=\"another version's layout\"");
    close(fd);
    return file;
}

/* Memory is taken now: later a full tmpfs would mean SIGBUS. */
static bool write_new(int fd, const struct metrics_head *head)
{
    errno = posix_fallocate(fd, 0, (off_t)file_size(head->route_count));
    return errno == 0 && pwrite(fd, head, sizeof *head, 0) == sizeof *head;
}

/* A new file, which takes the place of what is at the path when it is complete. */
static struct metrics_file *make_new(const char *path, const char *new_path, const struct metrics_head *head)
{
    unlink(new_path);
    int fd = open(new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return NULL;
    struct metrics_file *file = NULL;
    if (write_new(fd, head) && rename(new_path, path) == 0)
        file = map(fd, PROT_READ | PROT_WRITE);
    close(fd);
    return file;
}

struct metrics_file *metrics_file_make(const struct config *config, const char *service,
                                       const char *const *patterns, size_t pattern_count)
{
    struct metrics_head head;
    char path[PATH_SIZE], new_path[PATH_SIZE];
    struct metrics_file *file = NULL;
    if (fill_head(&head, service, patterns, pattern_count) && path_of(config, service, "", path) &&
        path_of(config, service, ".new", new_path)) {
        file = go_on(path, &head);
        if (!file)
            file = make_new(path, new_path, &head);
    }
    if (!file)
        log_write(LOG_ERROR, "metrics_failed", "service=%s reason=\"%s\"", service, strerror(errno));
    return file;
}

const struct metrics_file *metrics_file_read(const struct config *config, const char *service)
{
    struct metrics_head head;
    char path[PATH_SIZE];
    const struct metrics_file *file = NULL;
    int fd = path_of(config, service, "", path) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0)
        return NULL;
    if (is_readable(fd, &head, service))
        file = map(fd, PROT_READ);
    else
        log_write(LOG_WARNING, "metrics_refused", "service=%s reason=\"another version's layout\"", service);
    close(fd);
    return file;
}

void metrics_file_close(const struct metrics_file *file)
{
    munmap((void *)file, sizeof *file);
}
