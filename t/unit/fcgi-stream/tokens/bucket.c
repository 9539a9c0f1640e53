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
    uint64_t releases = bucket_releases(bucket, BUCKET_STREAM),
             others = bucket_releases(bucket, BUCKET_UPLOAD);
    ok(bucket_release(bucket, tokens[1], NULL), "one is given back");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "so two are out");
    ok(bucket_releases(bucket, BUCKET_STREAM) != releases, "which can be seen");
    ok(bucket_releases(bucket, BUCKET_UPLOAD) == others, "and is no matter of the others");
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
        ok(!bucket_release(bucket, names[i], NULL), "no token: \"%s\"", names[i]);
    take(bucket, BUCKET_STREAM, 1, first);
    ok(bucket_release(bucket, first, NULL), "a token");
    ok(!bucket_release(bucket, first, NULL), "can be given back once");
    take(bucket, BUCKET_STREAM, 1, second);
    ok(strcmp(first, second) != 0, "the next one in its slot has another name");
    ok(!bucket_release(bucket, first, NULL), "the old name doesn't give it back");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "it is still out");
    ok(bucket_release(bucket, second, NULL), "its own name does");
    bucket_close(bucket);

    bucket = open_new();
    take(bucket, BUCKET_STREAM, 1, second);
    ok(!bucket_release(bucket, first, NULL), "a name of an earlier bucket is none of a new one's");
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
    is_int(bucket_release_request(bucket, nine.request_id, NULL), 0, "a request without tokens");
    is_int(bucket_release_request(bucket, seven.request_id, NULL), 2, "one with tokens of both kinds");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "another's stays out");
    is_int(bucket_in_use(bucket, BUCKET_UPLOAD), 0, "of the other kind none is out");
    is_int(bucket_release_request(bucket, seven.request_id, NULL), 0, "they come back once");
    is_int(bucket_release_request(bucket, eight.request_id, NULL), 1, "and the other's too");
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
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, first), BUCKET_TAKEN, "a client's first");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, token), BUCKET_TAKEN, "and second");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, token), BUCKET_CLIENT_FULL, "but no third");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "which leaves nothing behind");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &two, token), BUCKET_TAKEN, "another client's first");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &two, token), BUCKET_FULL, "all are out");
    ok(bucket_release(bucket, first, NULL), "the first is given back");
    is_int(bucket_acquire(bucket, BUCKET_STREAM, &one, token), BUCKET_TAKEN, "and can be taken again");
    for (int i = 0; i < 3; i++)
        is_int(bucket_acquire(bucket, BUCKET_UPLOAD, &one, token), BUCKET_TAKEN,
               "uploads have one of their own");
    is_int(bucket_acquire(bucket, BUCKET_UPLOAD, &one, token), BUCKET_CLIENT_FULL, "which holds, too");
    is_int(bucket_acquire(bucket, BUCKET_UPLOAD, &two, token), BUCKET_TAKEN, "for each client");
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
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "what is out stays out");
    is_int((long long)bucket_position(bucket)->offset, 3, "the journal's position is kept");
    ok(bucket_release(bucket, token, NULL), "a token of before can be given back");
    bucket_close(bucket);

    config.stream_tokens = 1;
    bucket = bucket_open(&config);
    ok(bucket_release(bucket, other, NULL), "even when the bucket has become smaller");
    is_int(take(bucket, BUCKET_STREAM, 3, token), BUCKET_TAKEN, "the smaller one has a token");
    is_int(take(bucket, BUCKET_STREAM, 4, token), BUCKET_FULL, "and no more");
    bucket_close(bucket);
    config.stream_tokens = 3;
    ok(stat(scratch_path("bucket"), &info) == 0 && (info.st_mode & 0777) == 0600,
       "the file is nobody else's");
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
    is_int(bucket_capacity(bucket, BUCKET_STREAM), 3, "the capacity is the setting's");
    take_many(bucket, 3, tokens);
    ok(bucket_set_capacity(bucket, BUCKET_STREAM, 8), "it is raised");
    is_int(bucket_capacity(bucket, BUCKET_UPLOAD), 2, "the other kind's is as it was");
    for (int i = 3; i < 8; i++)
        is_int(take(bucket, BUCKET_STREAM, i, tokens[i]), BUCKET_TAKEN, "token %d of 8", i + 1);
    is_int(take(bucket, BUCKET_STREAM, 9, token), BUCKET_FULL, "there is no ninth");

    ok(bucket_set_capacity(bucket, BUCKET_STREAM, 2), "it is lowered below what is out");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 8, "all are still out");
    for (int i = 0; i < 6; i++) {
        ok(bucket_release(bucket, tokens[i], NULL), "one comes back");
        is_int(take(bucket, BUCKET_STREAM, 9, token), BUCKET_FULL, "and isn't given out again");
        bucket_reap(bucket);
    }
    ok(bucket_release(bucket, tokens[6], NULL), "until fewer are out than may be");
    is_int(take(bucket, BUCKET_STREAM, 9, token), BUCKET_TAKEN, "then it is");
    is_int(take(bucket, BUCKET_STREAM, 9, token), BUCKET_FULL, "once");
    ok(bucket_release(bucket, tokens[7], NULL), "the last of before comes back");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "one is out");

    bucket_set_client_cap(bucket, BUCKET_STREAM, 1);
    is_int(take(bucket, BUCKET_STREAM, 10, token), BUCKET_CLIENT_FULL, "a cap holds at once");
    bucket_set_client_cap(bucket, BUCKET_STREAM, 0);
    is_int(take(bucket, BUCKET_STREAM, 10, token), BUCKET_TAKEN, "and no longer when it is lifted");
    bucket_close(bucket);
}

static void test_settings(void)
{
    struct bucket *bucket = open_new();
    ok(bucket_set_capacity(bucket, BUCKET_STREAM, 7), "a capacity is set");
    bucket_set_client_cap(bucket, BUCKET_STREAM, 5);
    bucket_set_client_cap(bucket, BUCKET_UPLOAD, 6);
    bucket_close(bucket);
    bucket = bucket_open(&config);
    is_int(bucket_capacity(bucket, BUCKET_STREAM), 7, "it outlives a restart with the same settings");
    is_int(bucket_client_cap(bucket, BUCKET_STREAM), 5, "so does the cap");
    is_int(bucket_client_cap(bucket, BUCKET_UPLOAD), 6, "that of uploads, too");
    bucket_close(bucket);
    config.stream_tokens = 4;
    config.stream_tokens_per_client = 2;
    bucket = bucket_open(&config);
    is_int(bucket_capacity(bucket, BUCKET_STREAM), 4, "a setting that has changed counts");
    is_int(bucket_client_cap(bucket, BUCKET_STREAM), 2, "so does the cap's");
    is_int(bucket_client_cap(bucket, BUCKET_UPLOAD), 6, "that of uploads has not");
    bucket_close(bucket);
    config.stream_tokens = 3;
    config.stream_tokens_per_client = 0;
}

static void note(const struct bucket_holder *who, int64_t age_ms, void *argument)
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
    bucket_each(bucket, BUCKET_STREAM, note, &sum);
    bucket_each(bucket, BUCKET_UPLOAD, note, &sum);
    is_int(sum, 42, "each token that is out is visited once");
    ok(bucket_release(bucket, token, &seen), "it is given back");
    is_int(seen.video_id, 42, "and tells who had it");
    bucket_acquire(bucket, BUCKET_STREAM, &who, token);
    seen.video_id = 0;
    bucket_release_request(bucket, who.request_id, &seen);
    is_int(seen.video_id, 42, "also when it is by the request");
    bucket_close(bucket);
}

static void test_attach(void)
{
    struct bucket *bucket = open_new();
    char token[BUCKET_TOKEN_SIZE];
    take(bucket, BUCKET_STREAM, 1, token);
    struct bucket *other = bucket_attach(&config);
    ok(other && bucket_in_use(other, BUCKET_STREAM) == 1, "another program sees the same bucket");
    ok(other && bucket_set_capacity(other, BUCKET_STREAM, 9), "and sets its capacity");
    is_int(bucket_capacity(bucket, BUCKET_STREAM), 9, "which is in force for all");
    bucket_close(other);
    bucket_close(bucket);
    close(scratch_file("bucket", BYTES("vsbucket")));
    ok(!bucket_attach(&config) && errno == EPROTO, "another version's is refused");
    unlink(scratch_path("bucket"));
    ok(!bucket_attach(&config) && errno == ENOENT, "and none is made");
}

static void test_layouts(void)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *name;
    } rows[] = {
        {BYTES(""), "an empty file"},
        {BYTES("\0\0\0\0\0\0\0\0"), "one that was made and no more"},
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
        ok(bucket != NULL, "opened: %s", rows[i].name);
        ok(logged, "a file of another layout is replaced, which is logged");
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
    test_limits();
    test_settings();
    test_holders();
    test_attach();
    test_layouts();
    test_faults();
    return done_testing();
}
