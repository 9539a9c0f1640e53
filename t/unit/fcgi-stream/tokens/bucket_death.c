/* How tokens are reaped: after the death of workers that were taking one, after the death
 * of nginx workers, and after a client connection was closed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi-stream/tokens/bucket.h"
#include "lib/metrics/metrics.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

static struct config config = {.stream_tokens = 5, .upload_tokens = 2};

static void take(struct bucket *bucket, enum bucket_kind kind, pid_t nginx_pid)
{
    const struct bucket_holder holder = {.nginx_pid = nginx_pid};
    char token[BUCKET_TOKEN_SIZE];
    is_int(bucket_acquire(bucket, kind, &holder, token), BUCKET_TAKEN, "a token can be taken");
}

/* Starts a child in the place of an nginx worker. */
static pid_t start_nginx(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return pid;
}

/* Kills the child and leaves it a zombie. */
static void kill_nginx(pid_t pid)
{
    siginfo_t info;
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

static void test_reap(void)
{
    struct bucket *bucket = bucket_open(&config);
    pid_t first = start_nginx(), second = start_nginx(), third = start_nginx();
    kill_nginx(third);
    take(bucket, BUCKET_STREAM, first);
    take(bucket, BUCKET_STREAM, second);
    take(bucket, BUCKET_STREAM, first);
    take(bucket, BUCKET_UPLOAD, first);
    is_int(bucket_reap(bucket), 0, "nothing is reaped while nginx is alive");
    kill_nginx(first);
    is_int(bucket_reap(bucket), 3, "all tokens of a dead nginx worker are reaped");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "a token of another nginx worker stays in use");
    is_int(bucket_in_use(bucket, BUCKET_UPLOAD), 0, "the upload token was reaped, too");
    waitpid(first, NULL, 0);
    is_int(bucket_reap(bucket), 0, "tokens are reaped only once");
    take(bucket, BUCKET_STREAM, third);
    is_int(bucket_reap(bucket), 1, "a token taken for a worker that was already dead is reaped");
    kill_nginx(second);
    waitpid(second, NULL, 0);
    waitpid(third, NULL, 0);
    is_int(bucket_reap(bucket), 1, "the token of a worker that was reaped by its parent is reaped");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 0, "no token is in use");
    bucket_close(bucket);
}

/* A holder of which only the first bytes can be read: acquiring a token for it claims a
 * slot and then crashes. */
static const struct bucket_holder *deadly_holder(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE) != 0)
        exit(2);
    return (const struct bucket_holder *)(memory + page - 8);
}

/* Starts a worker that dies while it takes a token. Returns its pid. */
static pid_t die_taking(struct bucket *bucket)
{
    const struct bucket_holder *holder = deadly_holder();
    const struct rlimit no_core = {0};
    int status = 0;
    char token[BUCKET_TOKEN_SIZE];
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGSEGV, SIG_DFL);
        bucket_acquire(bucket, BUCKET_STREAM, holder, token);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    ok(WIFSIGNALED(status), "a worker dies while it takes a token");
    return pid;
}

static void test_worker_ended(void)
{
    struct bucket *bucket = bucket_open(&config);
    take(bucket, BUCKET_STREAM, getpid());
    pid_t first = die_taking(bucket), second = die_taking(bucket);
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 3, "the slots that dead workers have claimed are in use");
    is_int(bucket_reap(bucket), 0, "claimed slots are not reaped with nginx workers");
    bucket_worker_ended(bucket, getpid());
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 3,
           "the end of another worker frees neither claimed nor held slots");
    bucket_worker_ended(bucket, first);
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "the end of a worker frees the slot that it had claimed");
    bucket_close(bucket);

    bucket = bucket_open(&config);
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1,
           "opening the bucket frees the claimed slots of dead workers");
    bucket_worker_ended(bucket, second);
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 1, "a held token stays in use when a worker ends");
    bucket_close(bucket);
}

/* Connects to a listening socket of this process. Returns the client's side; *server is
 * the other one. */
static int connect_client(int listener, const struct sockaddr_in *address, struct connection *connection,
                          int *server)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    char client_port[16], server_port[16];
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(client, (const struct sockaddr *)address, sizeof *address) != 0)
        exit(2);
    *server = accept(listener, (struct sockaddr *)&from, &size);
    snprintf(client_port, sizeof client_port, "%d", ntohs(from.sin_port));
    snprintf(server_port, sizeof server_port, "%d", ntohs(address->sin_port));
    *connection = connection_parse("127.0.0.1", client_port, "127.0.0.1", server_port);
    return client;
}

static void test_connections(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct bucket_holder stays = {.request_id = {1}, .nginx_pid = getpid()}, goes = stays, unknown = stays;
    struct bucket *bucket = bucket_open(&config);
    char token[BUCKET_TOKEN_SIZE];
    int server, other_server, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 2) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        exit(2);
    int client = connect_client(listener, &address, &stays.connection, &server);
    int other_client = connect_client(listener, &address, &goes.connection, &other_server);
    bucket_acquire(bucket, BUCKET_STREAM, &stays, token);
    bucket_acquire(bucket, BUCKET_STREAM, &goes, token);
    bucket_acquire(bucket, BUCKET_STREAM, &unknown, token);
    is_int(bucket_reap_connections(bucket, 0), 0, "tokens of connected clients are not reaped");
    close(other_client);
    close(other_server);
    is_int(bucket_reap_connections(bucket, 60000), 0, "tokens younger than the minimum age are not reaped");
    is_int(bucket_reap_connections(bucket, 0), 1, "the token of a closed connection is reaped");
    is_int(bucket_in_use(bucket, BUCKET_STREAM), 2, "the tokens of open and unknown connections stay in use");
    is_int(metrics_get(METRIC_STREAM_TOKENS_REAPED), 1, "the reaped token is counted in the metrics");
    close(client);
    close(server);
    close(listener);
    is_int(bucket_release_request(bucket, stays.request_id, NULL), 2,
           "the other tokens can be released by their request");
    bucket_close(bucket);
}

int main(void)
{
    config.run_dir = scratch_dir();
    test_connections();
    unlink(scratch_path("bucket"));
    test_reap();
    test_worker_ended();
    return done_testing();
}
