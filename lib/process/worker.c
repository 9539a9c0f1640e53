#include "lib/process/worker.h"

#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/http/coalesced_request.h"
#include "lib/http/dispatch.h"
#include "lib/process/server.h"

enum { FIRST_CONNECT_MS = 5000 };

struct worker {
    const struct service *service;
    const struct config *config;
    struct coalescer *coalescer;
};

/* What a thread keeps between requests: memory, a database connection, the site's secret.
 * No data of a client is among it. */
struct thread_state {
    const struct worker *worker;
    struct arena *arena;
    struct db *db;
    struct secret secret;
    struct request request;
    struct response response;
};

static void thread_stop(void *thread)
{
    struct thread_state *state = thread;
    arena_destroy(state->arena);
    db_destroy(state->db);
    response_free(&state->response);
    free(state);
}

static void *thread_start(void *context)
{
    const struct worker *worker = context;
    struct thread_state *state = calloc(1, sizeof *state);
    if (!state)
        return NULL;
    const struct db_options options = service_db_options(worker->service, worker->config);
    state->worker = worker;
    state->arena = arena_create();
    state->db = db_create(&options);
    if (!state->db) {
        thread_stop(state);
        return NULL;
    }
    /* Connects now so that the first request need not; if this fails, the first request
     * tries again. All threads connect at the same time, which is slow on a busy machine,
     * but no client is waiting yet, so the limit is longer than a request's. */
    db_begin_within(state->db, state->arena, FIRST_CONNECT_MS);
    (void)!db_connect(state->db);
    arena_reset(state->arena);
    return state;
}

/* Aborts when there was no memory even for the problem response: nginx would take a
 * response without a status for a 200. As for all memory of a request (see arena.h), the
 * process ends, and nginx responds with 503. */
static void check_memory(const struct response *response)
{
    if (!response->headers.failed && !response->body.failed)
        return;
    log_write(LOG_ERROR, "out_of_memory", "bytes=%zu", response->headers.length + response->body.length);
    abort();
}

static void end_headers(struct response *response)
{
    buffer_printf(&response->headers, "Status: %d %s\r\n", response->http, status_reason(response->http));
    response_header(response, "Cache-Control", response->cache);
    /* RFC 9110, section 8.6: a 204 must not have a Content-Length, and that of a 304
     * would have to be the length of the 200's body. */
    if (response->http != 204 && response->http != 304)
        buffer_printf(&response->headers, "Content-Length: %zu\r\n", response->body.length);
    buffer_append(&response->headers, "\r\n", 2);
}

static void serve(void *thread, const struct server_request *received, struct server_response *response)
{
    struct thread_state *state = thread;
    state->request = (struct request){
        .config = state->worker->config,
        .context = state->worker->service->context,
        .arena = state->arena,
        .db = state->db,
        .secret = &state->secret,
        .coalescer = state->worker->coalescer,
        .variables = received->variables,
        .body = received->body,
        .body_length = received->body_length,
        .body_complete = received->body_complete,
    };
    db_begin(state->db, state->arena);
    dispatch(state->worker->service, &state->request, &state->response);
    end_headers(&state->response);
    check_memory(&state->response);
    arena_reset(state->arena); /* now, because it closes files */
    *response = (struct server_response){
        .headers = &state->response.headers,
        .body = state->request.head ? NULL : &state->response.body,
        .last = state->response.last,
    };
}

/* What is not freed, because threads may still use it. Reachable, so it is no leak. */
static struct worker *abandoned;

bool worker_run(const struct service *service, const struct config *config, int listen_fd, int threads)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return false;
    *worker = (struct worker){
        .service = service, .config = config, .coalescer = coalescer_create(&coalesced_requests)};
    const struct server server = {
        .listen_fd = listen_fd,
        .threads = threads,
        .receive_timeout_ms = (int)config->receive_timeout_s * 1000,
        .shutdown_timeout_ms = (int)config->shutdown_timeout_s * 1000,
        .context = worker,
        .thread_start = thread_start,
        .thread_stop = thread_stop,
        .serve = serve,
    };
    if (!worker->coalescer || !server_run(&server)) {
        abandoned = worker;
        return false;
    }
    coalescer_destroy(worker->coalescer);
    free(worker);
    return true;
}
