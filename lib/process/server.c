#include "lib/process/server.h"

#include <errno.h>
#include <fcgiapp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/process/record.h"

enum {
    BODY_KEPT_MAX = 64 * 1024 + 1,      /* one byte more than a JSON body may have */
    BODY_DRAINED_MAX = 2 * 1024 * 1024, /* more than nginx passes to a pool */
    WATCHDOG_INTERVAL_MS = 1000,
    DRAIN_MS = 20, /* a stopping thread ends when no request arrives for this long */
};

struct run;

struct thread {
    struct run *run;
    pthread_t id;
    FCGX_Request fcgi;
    struct buffer body;
    /* Protects the next two: the watchdog must not shut down a reused descriptor. */
    pthread_mutex_t lock;
    int receiving_fd;       /* -1: none */
    int64_t receive_end_ms; /* deadline */
};

struct run {
    struct server server;
    int epoll_fd;
    atomic_bool stopping;
    atomic_int ended; /* number of threads that have ended */
    struct thread *threads;
};

static void receive_begin(struct thread *thread, int fd)
{
    pthread_mutex_lock(&thread->lock);
    thread->receiving_fd = fd;
    thread->receive_end_ms = clock_ms() + thread->run->server.receive_timeout_ms;
    pthread_mutex_unlock(&thread->lock);
}

static void receive_end(struct thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    thread->receiving_fd = -1;
    pthread_mutex_unlock(&thread->lock);
}

/* Shuts down connections whose request takes too long to arrive, which ends their
 * read. */
static void check_receive_timeouts(struct run *run)
{
    int64_t now = clock_ms();
    for (int i = 0; i < run->server.threads; i++) {
        struct thread *thread = &run->threads[i];
        pthread_mutex_lock(&thread->lock);
        if (thread->receiving_fd >= 0 && thread->receive_end_ms < now) {
            log_write(LOG_WARNING, "receive_timeout", "timeout_ms=%d", run->server.receive_timeout_ms);
            shutdown(thread->receiving_fd, SHUT_RDWR);
            thread->receiving_fd = -1;
        }
        pthread_mutex_unlock(&thread->lock);
    }
}

static bool arm(struct run *run, int operation, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.fd = fd};
    if (epoll_ctl(run->epoll_fd, operation, fd, &event) == 0)
        return true;
    log_write(LOG_ERROR, "epoll_failed", "reason=\"%s\"", strerror(errno));
    close(fd);
    return false;
}

/* Accepts all waiting connections: the listening socket is edge-triggered, so the next
 * event comes with the next connection only. Returns the last one in *last, unchanged
 * when there was none, and adds the others to epoll. Returns false when accepting failed
 * and must be retried. */
static bool accept_all(struct run *run, int *last)
{
    const struct server *server = &run->server;
    const struct timeval timeout = {.tv_sec = server->receive_timeout_ms / 1000,
                                    .tv_usec = server->receive_timeout_ms % 1000 * 1000};
    for (;;) {
        int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
            continue;
        if (fd < 0)
            return errno == EAGAIN;
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
        if (*last >= 0)
            arm(run, EPOLL_CTL_ADD, *last);
        *last = fd;
    }
}

static int accept_connections(struct run *run)
{
    int last = -1;
    while (!accept_all(run, &last) && !atomic_load(&run->stopping)) {
        log_write(LOG_ERROR, "accept_failed", "reason=\"%s\"", strerror(errno));
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    return last;
}

enum body { BODY_COMPLETE, BODY_UNREAD, BODY_FAILED };

/* Keeps the first BODY_KEPT_MAX bytes of the body and drains the rest, up to
 * BODY_DRAINED_MAX bytes in all. */
static enum body read_body(struct thread *thread)
{
    char chunk[16 * 1024];
    size_t total = 0;
    int length;
    buffer_reset(&thread->body);
    while (total <= BODY_DRAINED_MAX && (length = FCGX_GetStr(chunk, sizeof chunk, thread->fcgi.in)) > 0) {
        total += (size_t)length;
        size_t room = BODY_KEPT_MAX - thread->body.length;
        buffer_append(&thread->body, chunk, (size_t)length < room ? (size_t)length : room);
    }
    if (FCGX_GetError(thread->fcgi.in) != 0 || thread->body.failed)
        return BODY_FAILED;
    return FCGX_HasSeenEOF(thread->fcgi.in) ? BODY_COMPLETE : BODY_UNREAD;
}

/* Handles the request and writes the response. True when the connection may be reused. */
static bool send_response(struct thread *thread, void *state)
{
    bool whole = thread->body.length < BODY_KEPT_MAX;
    struct server_request request = {.variables = (const char *const *)thread->fcgi.envp,
                                     .body = thread->body.data ? thread->body.data : "",
                                     .body_length = thread->body.length,
                                     .body_complete = whole};
    struct server_response response;
    thread->run->server.serve(state, &request, &response);
    return record_write_response(thread->fcgi.ipcFd, thread->fcgi.requestId, response.headers,
                                 response.body) &&
           !response.last;
}

/* Serves one request from a readable connection. operation returns the connection to
 * epoll: EPOLL_CTL_ADD or EPOLL_CTL_MOD. */
static void serve_connection(struct thread *thread, void *state, int operation, int fd)
{
    FCGX_Request *fcgi = &thread->fcgi;
    FCGX_InitRequest(fcgi, -1, 0);
    fcgi->ipcFd = fd;
    FCGX_Detach(fcgi); /* else closing would first read until the peer stops sending */
    fcgi->keepConnection = 1;
    receive_begin(thread, fd);
    if (FCGX_Accept_r(fcgi) != 0) { /* end of file or bad data; libfcgi closed it */
        receive_end(thread);
        return;
    }
    enum body body = read_body(thread);
    receive_end(thread);
    bool reusable =
        body != BODY_FAILED && send_response(thread, state) && body == BODY_COMPLETE && fcgi->keepConnection;
    FCGX_Free(fcgi, !reusable); /* FCGX_Finish_r() would end the request again */
    if (reusable)
        arm(thread->run, operation, fd);
}

/* The first request usually arrives with its connection and is then served without
 * epoll. */
static void serve_new_connections(struct thread *thread, void *state)
{
    char byte;
    int fd = accept_connections(thread->run);
    if (fd < 0)
        return;
    if (recv(fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) > 0)
        serve_connection(thread, state, EPOLL_CTL_ADD, fd);
    else
        arm(thread->run, EPOLL_CTL_ADD, fd);
}

static void *thread_main(void *argument)
{
    struct thread *thread = argument;
    struct run *run = thread->run;
    void *state = run->server.thread_start(run->server.context);
    sigset_t waiting;
    pthread_sigmask(SIG_SETMASK, NULL, &waiting);
    sigdelset(&waiting, SIGUSR1); /* stop_threads wakes the thread with it */
    while (state) {
        struct epoll_event event;
        bool stopping = atomic_load(&run->stopping);
        int ready = epoll_pwait(run->epoll_fd, &event, 1, stopping ? DRAIN_MS : -1, &waiting);
        if (ready == 0 && stopping)
            break;
        if (ready <= 0)
            continue;
        if (event.data.fd == run->server.listen_fd)
            serve_new_connections(thread, state);
        else
            serve_connection(thread, state, EPOLL_CTL_MOD, event.data.fd);
    }
    if (state)
        run->server.thread_stop(state);
    else
        kill(getpid(), SIGTERM);
    buffer_free(&thread->body);
    atomic_fetch_add(&run->ended, 1);
    return NULL;
}

static void ignore_signal(int number)
{
    (void)number;
}

/* SCHED_BATCH (sched(7)): a thread that nginx or PostgreSQL wakes does not preempt them,
 * so they continue with the next request. All three then spend a fifth less time on
 * context switches. */
static void use_batch_scheduling(void)
{
    const struct sched_param none = {0};
    sched_setscheduler(0, SCHED_BATCH, &none);
}

static bool set_up(struct run *run)
{
    use_batch_scheduling(); /* the threads inherit it */
    struct sigaction wake = {.sa_handler = ignore_signal};
    sigaction(SIGUSR1, &wake, NULL);
    if (FCGX_Init() != 0)
        return false;
    run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE,
                                .data.fd = run->server.listen_fd};
    return run->epoll_fd >= 0 && epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, run->server.listen_fd, &event) == 0;
}

static bool start_threads(struct run *run)
{
    run->threads = calloc((size_t)run->server.threads, sizeof *run->threads);
    for (int i = 0; run->threads && i < run->server.threads; i++) {
        struct thread *thread = &run->threads[i];
        thread->run = run;
        thread->receiving_fd = -1;
        pthread_mutex_init(&thread->lock, NULL);
        if (pthread_create(&thread->id, NULL, thread_main, thread) != 0)
            return false;
    }
    return run->threads != NULL;
}

static void wait_for_stop(struct run *run)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    const struct timespec tick = {.tv_sec = WATCHDOG_INTERVAL_MS / 1000};
    while (sigtimedwait(&stop, NULL, &tick) < 0)
        check_receive_timeouts(run);
}

/* Returns false when requests did not finish within the shutdown timeout. */
static bool stop_threads(struct run *run)
{
    int64_t deadline_ms = clock_ms() + run->server.shutdown_timeout_ms;
    epoll_ctl(run->epoll_fd, EPOLL_CTL_DEL, run->server.listen_fd, NULL);
    atomic_store(&run->stopping, true);
    for (int i = 0; i < run->server.threads; i++)
        pthread_kill(run->threads[i].id, SIGUSR1);
    while (atomic_load(&run->ended) < run->server.threads) {
        if (clock_left_ms(deadline_ms) == 0) {
            log_write(LOG_ERROR, "shutdown_timeout", "reason=\"requests did not finish in time\"");
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
    }
    for (int i = 0; i < run->server.threads; i++) {
        pthread_join(run->threads[i].id, NULL);
        pthread_mutex_destroy(&run->threads[i].lock);
    }
    return true;
}

static void run_free(struct run *run)
{
    if (run->epoll_fd >= 0)
        close(run->epoll_fd);
    free(run->threads);
    free(run);
}

/* What is not freed, because threads may still use it. Reachable, so it is no leak. */
static struct run *abandoned;

bool server_run(const struct server *server)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return false;
    *run = (struct run){.server = *server, .epoll_fd = -1};
    if (!set_up(run) || !start_threads(run)) {
        log_write(LOG_ERROR, "server_failed", "reason=\"%s\"", strerror(errno));
        abandoned = run;
        return false;
    }
    wait_for_stop(run);
    if (!stop_threads(run)) {
        abandoned = run;
        return false;
    }
    run_free(run);
    return true;
}
