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
    BODY_KEPT = 64 * 1024 + 1,
    BODY_DRAINED = 2 * 1024 * 1024, /* more than nginx lets through to a pool */
    TICK_MS = 1000,
    LAST_LOOK_MS = 20, /* how long a stopping thread looks for requests that are on their way */
};

struct run;

struct thread {
    struct run *run;
    pthread_t id;
    FCGX_Request fcgi;
    struct buffer body;
    pthread_mutex_t lock;   /* of the two below: the watchdog must not shut down a reused descriptor */
    int receiving_fd;       /* -1: none */
    int64_t receive_end_ms; /* when the watchdog ends it */
};

struct run {
    struct server server;
    int epoll_fd;
    atomic_bool stopping;
    atomic_int ended; /* threads that have */
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

/* Ends the receiving of requests that have taken too long: their read then returns. */
static void watch(struct run *run)
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

/* Accepts all that wait, since the next event comes only with the next connection. The last one is *last, or -1 when
 * there is none; the others go to epoll. False: try again, later. */
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

enum body { BODY_WHOLE, BODY_LEFT, BODY_BROKEN };

/* Keeps what the body has up to BODY_KEPT bytes and throws away the rest, all of it unless it is endless. */
static enum body read_body(struct thread *thread)
{
    char piece[16 * 1024];
    size_t total = 0;
    int length;
    buffer_reset(&thread->body);
    while (total <= BODY_DRAINED && (length = FCGX_GetStr(piece, sizeof piece, thread->fcgi.in)) > 0) {
        total += (size_t)length;
        size_t room = BODY_KEPT - thread->body.length;
        buffer_append(&thread->body, piece, (size_t)length < room ? (size_t)length : room);
    }
    if (FCGX_GetError(thread->fcgi.in) != 0 || thread->body.failed) /* there is no memory for it */
        return BODY_BROKEN;
    return FCGX_HasSeenEOF(thread->fcgi.in) ? BODY_WHOLE : BODY_LEFT;
}

/* True when another request may follow on the connection. */
static bool send_response(struct thread *thread, void *state)
{
    bool whole = thread->body.length < BODY_KEPT;
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

/* One request from a connection that has something to read. operation is how it gets to epoll, for the next one. */
static void serve_connection(struct thread *thread, void *state, int operation, int fd)
{
    FCGX_Request *fcgi = &thread->fcgi;
    FCGX_InitRequest(fcgi, -1, 0);
    fcgi->ipcFd = fd;
    FCGX_Detach(fcgi); /* else libfcgi, when it closes, would first read for as long as the peer sends */
    fcgi->keepConnection = 1;
    receive_begin(thread, fd);
    if (FCGX_Accept_r(fcgi) != 0) { /* the peer has gone, or sent nonsense: libfcgi has closed it */
        receive_end(thread);
        return;
    }
    enum body body = read_body(thread);
    receive_end(thread);
    bool goes_on =
        body != BODY_BROKEN && send_response(thread, state) && body == BODY_WHOLE && fcgi->keepConnection;
    FCGX_Free(fcgi, !goes_on); /* not FCGX_Finish_r(), which would end the request once more */
    if (goes_on)
        arm(thread->run, operation, fd);
}

/* A connection's first request usually comes with it, and then needs no way through epoll. */
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
    sigdelset(&waiting, SIGUSR1); /* server_run wakes the thread by it */
    while (state) {
        struct epoll_event event;
        bool stopping = atomic_load(&run->stopping);
        int ready = epoll_pwait(run->epoll_fd, &event, 1, stopping ? LAST_LOOK_MS : -1, &waiting);
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

static void no_action(int number)
{
    (void)number;
}

/* As a batch process (sched(7)): woken by nginx or PostgreSQL, a thread waits for its turn instead of taking
 * theirs, so they go on to the next request, and all three spend a fifth less time on switching. */
static void use_batch_scheduling(void)
{
    const struct sched_param none = {0};
    sched_setscheduler(0, SCHED_BATCH, &none);
}

static bool set_up(struct run *run)
{
    use_batch_scheduling(); /* the threads inherit it */
    struct sigaction wake = {.sa_handler = no_action};
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

/* Until a signal says stop. */
static void wait_for_stop(struct run *run)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    const struct timespec tick = {.tv_sec = TICK_MS / 1000};
    while (sigtimedwait(&stop, NULL, &tick) < 0)
        watch(run);
}

/* Lets the threads end; false when some of them took too long. */
static bool stop_threads(struct run *run)
{
    int64_t deadline_ms = clock_ms() + run->server.shutdown_timeout_ms;
    epoll_ctl(run->epoll_fd, EPOLL_CTL_DEL, run->server.listen_fd, NULL);
    atomic_store(&run->stopping, true);
    for (int i = 0; i < run->server.threads; i++)
        pthread_kill(run->threads[i].id, SIGUSR1);
    while (atomic_load(&run->ended) < run->server.threads) {
        if (clock_left_ms(deadline_ms) == 0) {
            log_write(LOG_ERROR, "shutdown_timeout", "requests did not end in time");
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

static void free_run(struct run *run)
{
    if (run->epoll_fd >= 0)
        close(run->epoll_fd);
    free(run->threads);
    free(run);
}

bool server_run(const struct server *server)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return false;
    *run = (struct run){.server = *server, .epoll_fd = -1};
    if (!set_up(run) || !start_threads(run)) {
        log_write(LOG_ERROR, "server_failed", "reason=\"%s\"", strerror(errno));
        return false; /* threads may have begun */
    }
    wait_for_stop(run);
    if (!stop_threads(run))
        return false; /* some still run */
    free_run(run);
    return true;
}
