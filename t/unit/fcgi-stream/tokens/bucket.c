#include "fcgi-stream/tokens/bucket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/capture.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

static struct config config = {.stream_tokens = 3, .upload_tokens = 2};

/* The holder for request number n, with this process in the place of an nginx worker. */
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

/* Opens a new bucket, with no token in use. */
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
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 0, "no token of a new bucket is in use");
    for (int i = 0; i < 3; i++)
        is_int(take(bucket, BUCKET_STREAM, i, tokens[i]), BUCKET_TAKEN, "token %d of 3 can be taken", i + 1);
    is_int(take(bucket, BUCKET_STREAM, 3, token), BUCKET_FULL, "a fourth token is refused");
    is_text(token, "unset", "a refused acquire writes no token name");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 3, "three tokens are in use");
    is_int(take(bucket, BUCKET_UPLOAD, 4, token), BUCKET_TAKEN,
           "an upload token can be taken when all stream tokens are in use");
    is_int(bucket_in_use(bucket, BUCKET_UPLOAD), 1, "one upload token is in use");
    ok(strcmp(tokens[0], tokens[1]) && strcmp(tokens[1], tokens[2]) && strcmp(tokens[0], tokens[2]),
       "token names are unique");
    uint64_t releases = bucket_releases(bucket, BUCKET_STREAM),
             others = bucket_releases(bucket, BUCKET_UPLOAD);
    ok(bucket_release(bucket, tokens[1], NULL), "a token can be released");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "two tokens are in use after a release");
    ok(bucket_releases(bucket, BUCKET_STREAM) != releases,
       "a release changes the release number of its kind");
    ok(bucket_releases(bucket, BUCKET_UPLOAD) == others,
       "a release does not change the number of the other kind");
    is_int(take(bucket, BUCKET_STREAM, 5, token), BUCKET_TAKEN, "a released token can be taken again");
    is_int(take(bucket, BUCKET_STREAM, 6, token), BUCKET_FULL, "only the released token can be taken");
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
        ok(!bucket_release(bucket, names[i], NULL), "an invalid token name is not released: \"%s\"",
           names[i]);
    take(bucket, BUCKET_STREAM, 1, first);
    ok(bucket_release(bucket, first, NULL), "a token can be released once");
    ok(!bucket_release(bucket, first, NULL), "the same token can't be released twice");
    take(bucket, BUCKET_STREAM, 1, second);
    ok(strcmp(first, second) != 0, "the next token of the slot has another name");
    ok(!bucket_release(bucket, first, NULL), "the old name does not release the new token");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "the new token is still in use");
    ok(bucket_release(bucket, second, NULL), "the new name releases the new token");
    bucket_close(bucket);

    bucket = open_new();
    take(bucket, BUCKET_STREAM, 1, second);
    ok(!bucket_release(bucket, first, NULL),
       "a token name of an earlier bucket releases nothing in a new one");
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
    is_int(bucket_release_request(bucket, nine.request_id, NULL), 0,
           "a request without tokens releases none");
    is_int(bucket_release_request(bucket, seven.request_id, NULL), 2,
           "a request releases its tokens of both kinds");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "the stream token of another request stays in use");
    is_int(bucket_in_use(bucket, BUCKET_UPLOAD), 0, "no upload token is in use");
    is_int(bucket_release_request(bucket, seven.request_id, NULL), 0,
           "the tokens of a request are released only once");
    is_int(bucket_release_request(bucket, eight.request_id, NULL), 1,
           "the other request releases its own token");
    bucket_close(bucket);
}

static void test_client_cap(void)
{
    config.stream_tokens_per_client = 2;
    config.upload_tokens = 4;
    config.upload_tokens_per_user = 3;
    struct bucket *bucket = open_new();
    const struct bucket_holder one = holder(1, 1), two = holder(2, 2);
    char token[BUCKET_TOKEN_SIZE], first[BUCKET_TOKEN_SIZE];
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, first), BUCKET_TAKEN, "a client gets a first token");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, token), BUCKET_TAKEN, "a client gets a second token");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, token), BUCKET_CLIENT_FULL,
           "a third token is refused at a client limit of two");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "the refusal leaves no slot in use");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &two, token), BUCKET_TAKEN, "another client gets a token");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &two, token), BUCKET_FULL,
           "another client is refused because the bucket is full");
    ok(bucket_release(bucket, first, NULL), "the client's first token is released");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, token), BUCKET_TAKEN,
           "the client gets a token again after the release");
    for (int i = 0; i < 3; i++)
        is_int(bucket_acquire(bucket, BUCKET_UPLOAD, &one, token), BUCKET_TAKEN,
               "an upload token is within the user's own limit");
    is_int(bucket_acquire(bucket, BUCKET_UPLOAD, &one, token), BUCKET_CLIENT_FULL,
           "a fourth upload token is refused at a user limit of three");
    is_int(bucket_acquire(bucket, BUCKET_UPLOAD, &two, token), BUCKET_TAKEN,
           "another user still gets an upload token");
    bucket_close(bucket);
    config.stream_tokens_per_client = config.upload_tokens_per_user = 0;
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
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "tokens stay in use when the bucket is reopened");
    is_int((long long)bucket_position(bucket)->offset, 3, "the journal position survives reopening");
    ok(bucket_release(bucket, token, NULL), "a token taken before reopening can be released");
    bucket_close(bucket);

    config.stream_tokens = 1;
    bucket = bucket_open(&config);
    ok(bucket_release(bucket, other, NULL), "a token beyond a lowered capacity can be released");
    is_int(take(bucket, BUCKET_STREAM, 3, token), BUCKET_TAKEN,
           "a token can be taken within the lowered capacity");
    is_int(take(bucket, BUCKET_STREAM, 4, token), BUCKET_FULL, "the lowered capacity is enforced");
    bucket_close(bucket);
    config.stream_tokens = 3;
    ok(stat(scratch_path("bucket"), &info) == 0 && (info.st_mode & 0777) == 0600,
       "the bucket file has mode 0600");
}

static void take_many(struct bucket *bucket, int count, char tokens[][BUCKET_TOKEN_SIZE])
{
    for (int i = 0; i < count; i++)
        if (take(bucket, BUCKET_STREAM, i, tokens[i]) != BUCKET_TAKEN)
            exit(2);
}

static void test_limits(void)
{
    char tokens[8][BUCKET_TOKEN_SIZE], token[BUCKET_TOKEN_SIZE];
    struct bucket *bucket = open_new();
    is_int(bucket_capacity(bucket, BUCKET_STREAM), 3, "the capacity is that of the setting");
    take_many(bucket, 3, tokens);
    ok(bucket_set_capacity(bucket, BUCKET_STREAM, 8), "the capacity can be raised");
    is_int(bucket_capacity(bucket, BUCKET_UPLOAD), 2, "the capacity of the other kind is unchanged");
    for (int i = 3; i < 8; i++)
        is_int(take(bucket, BUCKET_STREAM, i, tokens[i]), BUCKET_TAKEN, "token %d of 8 can be taken", i + 1);
    is_int(take(bucket, BUCKET_STREAM, 9, token), BUCKET_FULL, "a ninth token is refused");

    ok(bucket_set_capacity(bucket, BUCKET_STREAM, 2), "the capacity can be lowered below the number in use");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 8, "lowering the capacity takes no token away");
    for (int i = 0; i < 6; i++) {
        ok(bucket_release(bucket, tokens[i], NULL), "a token is released");
        is_int(take(bucket, BUCKET_STREAM, 9, token), BUCKET_FULL,
               "a released token beyond the capacity can't be taken");
        bucket_reap(bucket);
    }
    ok(bucket_release(bucket, tokens[6], NULL),
       "the release that brings the number in use below the capacity");
    is_int(take(bucket, BUCKET_STREAM, 9, token), BUCKET_TAKEN, "a token can be taken below the capacity");
    is_int(take(bucket, BUCKET_STREAM, 9, token), BUCKET_FULL, "the capacity is enforced again");
    ok(bucket_release(bucket, tokens[7], NULL), "the last token beyond the capacity is released");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "one token is in use");

    bucket_set_client_cap(bucket, BUCKET_STREAM, 1);
    is_int(take(bucket, BUCKET_STREAM, 10, token), BUCKET_CLIENT_FULL,
           "a new client limit is enforced at once");
    bucket_set_client_cap(bucket, BUCKET_STREAM, 0);
    is_int(take(bucket, BUCKET_STREAM, 10, token), BUCKET_TAKEN,
           "a removed client limit is no longer enforced");
    bucket_close(bucket);
}

static void test_settings(void)
{
    struct bucket *bucket = open_new();
    ok(bucket_set_capacity(bucket, BUCKET_STREAM, 7), "a capacity can be set at run time");
    bucket_set_client_cap(bucket, BUCKET_STREAM, 5);
    bucket_set_client_cap(bucket, BUCKET_UPLOAD, 6);
    bucket_close(bucket);
    bucket = bucket_open(&config);
    is_int(bucket_capacity(bucket, BUCKET_STREAM), 7,
           "the capacity survives a restart with unchanged settings");
    is_int(bucket_client_cap(bucket, BUCKET_STREAM), 5,
           "the client limit survives a restart with unchanged settings");
    is_int(bucket_client_cap(bucket, BUCKET_UPLOAD), 6,
           "the user limit of uploads survives a restart with unchanged settings");
    bucket_close(bucket);
    config.stream_tokens = 4;
    config.stream_tokens_per_client = 2;
    bucket = bucket_open(&config);
    is_int(bucket_capacity(bucket, BUCKET_STREAM), 4, "a changed setting replaces the capacity");
    is_int(bucket_client_cap(bucket, BUCKET_STREAM), 2, "a changed setting replaces the client limit");
    is_int(bucket_client_cap(bucket, BUCKET_UPLOAD), 6,
           "an unchanged setting leaves the user limit of uploads");
    bucket_close(bucket);
    config.stream_tokens = 3;
    config.stream_tokens_per_client = 0;
}

static void add_video(const struct bucket_holder *who, int64_t age_ms, void *argument)
{
    long long *sum = argument;
    *sum += who->video_id + (age_ms < 0 || age_ms > 60000);
}

static void test_holders(void)
{
    struct bucket *bucket = open_new();
    struct bucket_holder who = holder(1, 1), seen = {0};
    char token[BUCKET_TOKEN_SIZE];
    long long sum = 0;
    who.video_id = 42;
    bucket_acquire(bucket, BUCKET_STREAM, &who, token);
    bucket_each(bucket, BUCKET_STREAM, add_video, &sum);
    bucket_each(bucket, BUCKET_UPLOAD, add_video, &sum);
    is_int(sum, 42, "each token in use is visited once");
    ok(bucket_release(bucket, token, &seen), "the token is released");
    is_int(seen.video_id, 42, "releasing by name returns the holder");
    bucket_acquire(bucket, BUCKET_STREAM, &who, token);
    seen.video_id = 0;
    bucket_release_request(bucket, who.request_id, &seen);
    is_int(seen.video_id, 42, "releasing by request returns the holder");
    bucket_close(bucket);
}

static void test_attach(void)
{
    struct bucket *bucket = open_new();
    char token[BUCKET_TOKEN_SIZE];
    take(bucket, BUCKET_STREAM, 1, token);
    struct bucket *other = bucket_attach(&config);
    ok(other && bucket_in_use(other, BUCKET_STREAM) == 1, "another program sees the same tokens");
    ok(other && bucket_set_capacity(other, BUCKET_STREAM, 9), "another program can set the capacity");
    is_int(bucket_capacity(bucket, BUCKET_STREAM), 9, "a capacity set by another program applies to all");
    bucket_close(other);
    bucket_close(bucket);
    close(scratch_file("bucket", BYTES("vsbucket")));
    ok(!bucket_attach(&config) && errno == EPROTO, "a bucket of another version is not attached");
    unlink(scratch_path("bucket"));
    ok(!bucket_attach(&config) && errno == ENOENT, "attaching does not create a bucket");
}

static void test_layouts(void)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *name;
    } rows[] = {
        {BYTES(""), "an empty file"},
        {BYTES("\0\0\0\0\0\0\0\0"), "a file of zeros"},
        {BYTES("vsbucket\0\0\0\0\x40\0\0\0"), "another version"},
        {BYTES("vsbucket\5\0\0\0\x30\0\0\0"), "other slots"},
        {BYTES("something else entirely, or nonsense"), "something else"},
    };
    char token[BUCKET_TOKEN_SIZE];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        close(scratch_file("bucket", rows[i].bytes, rows[i].length));
        capture_begin(STDERR_FILENO);
        struct bucket *bucket = bucket_open(&config);
        bool logged = strstr(capture_end(), "event=shared_memory_replaced name=bucket");
        ok(bucket != NULL, "a new bucket is opened in place of: %s", rows[i].name);
        ok(logged, "the replacement of another layout is logged");
        is_int(bucket_in_use(bucket, BUCKET_STREAM), 0, "no token of the replaced bucket is in use");
        is_int((long long)bucket_position(bucket)->inode, 0, "the replaced bucket has no journal position");
        take(bucket, BUCKET_STREAM, 1, token);
        bucket_close(bucket);
        bucket = bucket_open(&config);
        is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "the new bucket survives reopening");
        bucket_close(bucket);
    }
}

static void test_faults(void)
{
    const struct config nowhere = {.run_dir = "/nowhere/at/all", .stream_tokens = 1, .upload_tokens = 1};
    capture_begin(STDERR_FILENO);
    struct bucket *bucket = bucket_open(&nowhere);
    bool logged = strstr(capture_end(), "event=bucket_failed reason=\"No such file or directory\"");
    ok(!bucket && logged, "a missing run folder is logged");

    unlink(scratch_path("bucket"));
    ok(symlink(scratch_path("target"), scratch_path("bucket")) == 0,
       "a symbolic link is put in place of the bucket");
    capture_begin(STDERR_FILENO);
    bucket = bucket_open(&config);
    logged = strstr(capture_end(), "event=bucket_failed");
    ok(!bucket && logged, "a symbolic link is not followed");
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
    test_limits();
    test_settings();
    test_holders();
    test_attach();
    test_layouts();
    test_faults();
    return done_testing();
}
