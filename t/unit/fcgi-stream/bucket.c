#include "bucket.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "capture.h"
#include "scratch.h"
#include "tap.h"

static struct config config = {.stream_tokens = 3, .upload_tokens = 2};

/* The holder of request number n, sent by this process as if it were an nginx worker. */
static struct bucket_holder holder(int n, uint64_t client)
{
    struct bucket_holder made = {.nginx_pid = getpid(), .client = client};
    memcpy(made.request_id, &n, sizeof n);
    return made;
}

static enum bucket_outcome take(struct bucket *bucket, enum bucket_kind kind, int n, char *token)
{
    const struct bucket_holder made = holder(n, 1);
    return bucket_acquire(bucket, kind, &made, token);
}

/* A bucket without tokens out. */
static struct bucket *open_new(void)
{
    unlink(scratch_path("bucket"));
    struct bucket *bucket = bucket_open(&config);
    if (!bucket)
        exit(2);
    return bucket;
}

static void test_capacity(void)
{
    struct bucket *bucket = open_new();
    char tokens[3][BUCKET_TOKEN_SIZE], token[BUCKET_TOKEN_SIZE] = "unset";
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 0, "a new bucket is full of tokens");
    for (int i = 0; i < 3; i++)
        is_int(take(bucket, BUCKET_STREAM, i, tokens[i]), BUCKET_TAKEN, "token %d of 3", i + 1);
    is_int(take(bucket, BUCKET_STREAM, 3, token), BUCKET_FULL, "there is no fourth");
    is_text(token, "unset", "nor a name for one");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 3, "three are out");
    is_int(take(bucket, BUCKET_UPLOAD, 4, token), BUCKET_TAKEN, "uploads have tokens of their own");
    is_int(bucket_in_use(bucket, BUCKET_UPLOAD), 1, "one of them is out");
    ok(strcmp(tokens[0], tokens[1]) && strcmp(tokens[1], tokens[2]) && strcmp(tokens[0], tokens[2]),
       "all have names of their own");
    ok(bucket_release(bucket, tokens[1]), "one is given back");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "so two are out");
    is_int(take(bucket, BUCKET_STREAM, 5, token), BUCKET_TAKEN, "and another can be taken");
    is_int(take(bucket, BUCKET_STREAM, 6, token), BUCKET_FULL, "but just one");
    bucket_close(bucket);
}

static void test_stale(void)
{
    static const char *const names[] = {"",       "-",      "0",          "0.0",     "0.0.",
                                        "x.0.0",  "0.x.0",  "0.0.0x",     "0.0.0.0", "2.0.0",
                                        "-1.0.0", "0.-1.0", "0.100000.0", "0.3.0",   "0.99999.0"};
    struct bucket *bucket = open_new();
    char first[BUCKET_TOKEN_SIZE], second[BUCKET_TOKEN_SIZE];
    for (size_t i = 0; i < COUNT_OF(names); i++)
        ok(!bucket_release(bucket, names[i]), "no token: \"%s\"", names[i]);
    take(bucket, BUCKET_STREAM, 1, first);
    ok(bucket_release(bucket, first), "a token");
    ok(!bucket_release(bucket, first), "can be given back once");
    take(bucket, BUCKET_STREAM, 1, second);
    ok(strcmp(first, second) != 0, "the next one in its slot has another name");
    ok(!bucket_release(bucket, first), "the old name doesn't give it back");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "it is still out");
    ok(bucket_release(bucket, second), "its own name does");
    bucket_close(bucket);
}

static void test_request(void)
{
    struct bucket *bucket = open_new();
    char token[BUCKET_TOKEN_SIZE];
    const struct bucket_holder seven = holder(7, 1), eight = holder(8, 1), nine = holder(9, 1);
    take(bucket, BUCKET_STREAM, 7, token);
    take(bucket, BUCKET_STREAM, 8, token);
    take(bucket, BUCKET_UPLOAD, 7, token);
    is_int(bucket_release_request(bucket, nine.request_id), 0, "a request without tokens");
    is_int(bucket_release_request(bucket, seven.request_id), 2, "one with tokens of both kinds");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "another's stays out");
    is_int(bucket_in_use(bucket, BUCKET_UPLOAD), 0, "of the other kind none is out");
    is_int(bucket_release_request(bucket, seven.request_id), 0, "they come back once");
    is_int(bucket_release_request(bucket, eight.request_id), 1, "and the other's too");
    bucket_close(bucket);
}

static void test_client_cap(void)
{
    config.stream_tokens_per_client = 2;
    config.upload_tokens = 3;
    struct bucket *bucket = open_new();
    const struct bucket_holder one = holder(1, 1), two = holder(2, 2);
    char token[BUCKET_TOKEN_SIZE], first[BUCKET_TOKEN_SIZE];
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, first), BUCKET_TAKEN, "a client's first");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, token), BUCKET_TAKEN, "and second");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, token), BUCKET_CLIENT_FULL, "but no third");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "which leaves nothing behind");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &two, token), BUCKET_TAKEN, "another client's first");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &two, token), BUCKET_FULL, "all are out");
    ok(bucket_release(bucket, first), "the first is given back");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, token), BUCKET_TAKEN, "and can be taken again");
    for (int i = 0; i < 3; i++)
        is_int(bucket_acquire(bucket, BUCKET_UPLOAD, &one, token), BUCKET_TAKEN, "uploads have no cap");
    bucket_close(bucket);
    config.stream_tokens_per_client = 0;
    config.upload_tokens = 2;
}

static void test_reopen(void)
{
    struct bucket *bucket = open_new();
    char token[BUCKET_TOKEN_SIZE], other[BUCKET_TOKEN_SIZE];
    struct stat info;
    take(bucket, BUCKET_STREAM, 1, token);
    take(bucket, BUCKET_STREAM, 2, other);
    *bucket_position(bucket) = (struct bucket_position){.device = 1, .inode = 2, .offset = 3};
    bucket_close(bucket);

    bucket = bucket_open(&config);
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "what is out stays out");
    is_int((long long)bucket_position(bucket)->offset, 3, "the journal's position is kept");
    ok(bucket_release(bucket, token), "a token of before can be given back");
    bucket_close(bucket);

    config.stream_tokens = 1;
    bucket = bucket_open(&config);
    ok(bucket_release(bucket, other), "even when the bucket has become smaller");
    is_int(take(bucket, BUCKET_STREAM, 3, token), BUCKET_TAKEN, "the smaller one has a token");
    is_int(take(bucket, BUCKET_STREAM, 4, token), BUCKET_FULL, "and no more");
    bucket_close(bucket);
    config.stream_tokens = 3;
    ok(stat(scratch_path("bucket"), &info) == 0 && (info.st_mode & 0777) == 0600,
       "the file is nobody else's");
}

static void test_layouts(void)
{
    static const struct {
        const char *bytes;
        size_t length;
        bool logged;
        const char *name;
    } rows[] = {
        {BYTES(""), false, "an empty file"},
        {BYTES("\0\0\0\0\0\0\0\0"), false, "one that was made and no more"},
        {BYTES("vsbucket\0\0\0\0\x40\0\0\0"), true, "another version"},
        {BYTES("vsbucket\1\0\0\0\x30\0\0\0"), true, "other slots"},
        {BYTES("something else entirely, or nonsense"), true, "something else"},
    };
    char token[BUCKET_TOKEN_SIZE];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        close(scratch_file("bucket", rows[i].bytes, rows[i].length));
        capture_begin(STDERR_FILENO);
        struct bucket *bucket = bucket_open(&config);
        bool logged = strstr(capture_end(), "event=bucket_replaced");
        ok(bucket != NULL, "opened: %s", rows[i].name);
        is_int(logged, rows[i].logged, "a file of another layout is replaced, which is logged");
        is_int(bucket_in_use(bucket, BUCKET_STREAM), 0, "nothing is out");
        is_int((long long)bucket_position(bucket)->inode, 0, "no journal is known");
        take(bucket, BUCKET_STREAM, 1, token);
        bucket_close(bucket);
        bucket = bucket_open(&config);
        is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "from then on it is kept");
        bucket_close(bucket);
    }
}

static void test_faults(void)
{
    const struct config nowhere = {.run_dir = "/nowhere/at/all", .stream_tokens = 1, .upload_tokens = 1};
    capture_begin(STDERR_FILENO);
    struct bucket *bucket = bucket_open(&nowhere);
    bool logged = strstr(capture_end(), "event=bucket_failed reason=\"No such file or directory\"");
    ok(!bucket && logged, "a folder that is missing is logged");

    unlink(scratch_path("bucket"));
    ok(symlink(scratch_path("target"), scratch_path("bucket")) == 0, "a link in place of the file");
    capture_begin(STDERR_FILENO);
    bucket = bucket_open(&config);
    logged = strstr(capture_end(), "event=bucket_failed");
    ok(!bucket && logged, "isn't followed");
    unlink(scratch_path("bucket"));
}

int main(void)
{
    config.run_dir = scratch_dir();
    test_capacity();
    test_stale();
    test_request();
    test_client_cap();
    test_reopen();
    test_layouts();
    test_faults();
    return done_testing();
}
