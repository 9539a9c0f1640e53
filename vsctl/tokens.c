/* vsctl tokens: shows and changes the token bucket of a running site. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi-stream/tokens/bucket.h"
#include "lib/base/param.h"
#include "vsctl/command.h"

enum { CLIENTS_SHOWN = 20 };

static const char *const kind_names[BUCKET_KINDS] = {[BUCKET_STREAM] = "stream", [BUCKET_UPLOAD] = "upload"};
static const char *const limit_names[BUCKET_KINDS] = {
    [BUCKET_STREAM] = "streams per client", [BUCKET_UPLOAD] = "uploads per user"};

/* The tokens of one client; before merge(), a single token. */
struct client {
    uint64_t number;
    int tokens[BUCKET_KINDS];
    int64_t oldest_ms;
    struct connection connection; /* of the oldest token */
};

struct clients {
    enum bucket_kind kind; /* of the tokens that bucket_each visits */
    size_t count, capacity;
    struct client *all;
    int64_t oldest_ms[BUCKET_KINDS];
};

static void visit(const struct bucket_holder *holder, int64_t age_ms, void *argument)
{
    struct clients *clients = argument;
    if (age_ms > clients->oldest_ms[clients->kind])
        clients->oldest_ms[clients->kind] = age_ms;
    if (clients->count == clients->capacity)
        return;
    struct client *client = &clients->all[clients->count++];
    *client =
        (struct client){.number = holder->client, .oldest_ms = age_ms, .connection = holder->connection};
    client->tokens[clients->kind] = 1;
}

static int by_number(const void *a, const void *b)
{
    const struct client *one = a, *other = b;
    return (one->number > other->number) - (one->number < other->number);
}

static int sum(const struct client *client)
{
    return client->tokens[BUCKET_STREAM] + client->tokens[BUCKET_UPLOAD];
}

static int by_tokens(const void *a, const void *b)
{
    return sum(b) - sum(a);
}

/* Joins the entries of each client, and sorts the clients by tokens, descending. */
static void merge(struct clients *clients)
{
    size_t merged = 0;
    qsort(clients->all, clients->count, sizeof *clients->all, by_number);
    for (size_t i = 0; i < clients->count; i++) {
        struct client *last = merged > 0 ? &clients->all[merged - 1] : NULL, *next = &clients->all[i];
        if (!last || last->number != next->number) {
            clients->all[merged++] = *next;
            continue;
        }
        for (enum bucket_kind kind = 0; kind < BUCKET_KINDS; kind++)
            last->tokens[kind] += next->tokens[kind];
        if (next->oldest_ms > last->oldest_ms) {
            last->oldest_ms = next->oldest_ms;
            last->connection = next->connection;
        }
    }
    clients->count = merged;
    qsort(clients->all, clients->count, sizeof *clients->all, by_tokens);
}

static bool collect(const struct bucket *bucket, struct clients *clients)
{
    *clients = (struct clients){
        .capacity = (size_t)(bucket_in_use(bucket, BUCKET_STREAM) + bucket_in_use(bucket, BUCKET_UPLOAD))};
    clients->all = calloc(clients->capacity + 1, sizeof *clients->all);
    if (!clients->all)
        return false;
    for (clients->kind = 0; clients->kind < BUCKET_KINDS; clients->kind++)
        bucket_each(bucket, clients->kind, visit, clients);
    merge(clients);
    return true;
}

static void show_kinds(const struct bucket *bucket, const struct clients *clients)
{
    printf("%-8s %8s %8s %12s\n", "tokens", "used", "limit", "oldest (s)");
    for (enum bucket_kind kind = 0; kind < BUCKET_KINDS; kind++)
        printf("%-8s %8d %8d %12.1f\n", kind_names[kind], bucket_in_use(bucket, kind),
               bucket_capacity(bucket, kind), (double)clients->oldest_ms[kind] / 1000);
    for (enum bucket_kind kind = 0; kind < BUCKET_KINDS; kind++)
        if (bucket_client_cap(bucket, kind) > 0)
            printf("at most %d %s\n", bucket_client_cap(bucket, kind), limit_names[kind]);
}

static void show_clients(const struct clients *clients)
{
    char address[CONNECTION_TEXT_SIZE];
    if (clients->count == 0)
        return;
    printf("\n%-16s %8s %8s %12s  %s\n", "client", "stream", "upload", "oldest (s)", "from");
    for (size_t i = 0; i < clients->count && i < CLIENTS_SHOWN; i++) {
        const struct client *client = &clients->all[i];
        printf("%016" PRIx64 " %8d %8d %12.1f  %s\n", client->number, client->tokens[BUCKET_STREAM],
               client->tokens[BUCKET_UPLOAD], (double)client->oldest_ms / 1000,
               connection_client(&client->connection, address));
    }
    if (clients->count > CLIENTS_SHOWN)
        printf("and %zu more clients\n", clients->count - CLIENTS_SHOWN);
}

static int show(const struct bucket *bucket)
{
    struct clients clients;
    if (!collect(bucket, &clients)) {
        fprintf(stderr, "vsctl: out of memory\n");
        return EXIT_FAILURE;
    }
    show_kinds(bucket, &clients);
    show_clients(&clients);
    free(clients.all);
    return EXIT_SUCCESS;
}

/* The limits that the options set; -1: unchanged. */
struct limits {
    int capacity[BUCKET_KINDS], client_cap[BUCKET_KINDS];
};

static bool parse_limits(int argc, char **argv, struct limits *limits)
{
    const struct {
        const char *name;
        int *limit;
        int min;
    } options[] = {
        {"--stream", &limits->capacity[BUCKET_STREAM], 1},
        {"--upload", &limits->capacity[BUCKET_UPLOAD], 1},
        {"--per-client", &limits->client_cap[BUCKET_STREAM], 0},
        {"--per-user", &limits->client_cap[BUCKET_UPLOAD], 0},
    };
    *limits = (struct limits){{-1, -1}, {-1, -1}};
    for (int i = 0; i < argc; i += 2) {
        size_t at = 0;
        int64_t number;
        while (at < COUNT_OF(options) && strcmp(argv[i], options[at].name) != 0)
            at++;
        if (at == COUNT_OF(options) || i + 1 == argc ||
            !param_number(argv[i + 1], strlen(argv[i + 1]), BUCKET_CAPACITY_MAX, &number) ||
            number < options[at].min)
            return false;
        *options[at].limit = (int)number;
    }
    return true;
}

static bool set_limits(struct bucket *bucket, const struct limits *limits)
{
    for (enum bucket_kind kind = 0; kind < BUCKET_KINDS; kind++)
        if (limits->capacity[kind] >= 0 && !bucket_set_capacity(bucket, kind, limits->capacity[kind]))
            return false;
    for (enum bucket_kind kind = 0; kind < BUCKET_KINDS; kind++)
        if (limits->client_cap[kind] >= 0)
            bucket_set_client_cap(bucket, kind, limits->client_cap[kind]);
    return true;
}

int command_tokens(const struct config *config, int argc, char **argv)
{
    struct limits limits;
    if (!parse_limits(argc, argv, &limits))
        return COMMAND_MISUSED;
    struct bucket *bucket = bucket_attach(config);
    if (!bucket) {
        fprintf(stderr, "vsctl: no token bucket found in %s: %s; set VS_STATE_DIR or VS_RUN_DIR\n",
                config->run_dir, strerror(errno));
        return EXIT_FAILURE;
    }
    int status = EXIT_FAILURE;
    if (set_limits(bucket, &limits))
        status = show(bucket);
    else
        fprintf(stderr, "vsctl: not enough memory for so many tokens: %s\n", strerror(errno));
    bucket_close(bucket);
    return status;
}
