/* The steps of an upload in the tests' build of fcgi-stream: a step follows each file
 * operation and each database query, so that a test can kill the worker between any two.
 * after_fsync is in step.c.
 *
 * before_rename, after_rename: around a rename. half_copy, after_copy: in the middle and
 * at the end of a write. after_query: a statement has been sent, and not been answered.
 * after_answer: it has been answered. before_writeback: before early write-back. The
 * statements of the accounting process have their own step, after_accounting_query. */
#include <errno.h>
#include <libpq-fe.h>
#include <sys/types.h>

#include "lib/media/media_writer.h"
#include "lib/process/pool.h"
#include "scheduler/runner/step.h"

static bool is_accounting;
static _Thread_local bool in_query; /* false while connecting, which has no steps */

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
bool __real_media_write(struct media_writer *writer, const char *bytes, size_t length);
bool __wrap_media_write(struct media_writer *writer, const char *bytes, size_t length);
int __real_sync_file_range(int fd, off_t offset, off_t length, unsigned flags);
int __wrap_sync_file_range(int fd, off_t offset, off_t length, unsigned flags);
int __real_PQsendQueryPrepared(PGconn *connection, const char *name, int count, const char *const *values,
                               const int *lengths, const int *formats, int result_format);
int __wrap_PQsendQueryPrepared(PGconn *connection, const char *name, int count, const char *const *values,
                               const int *lengths, const int *formats, int result_format);
PGresult *__real_PQgetResult(PGconn *connection);
PGresult *__wrap_PQgetResult(PGconn *connection);
bool __real_accounting_work(const struct pool_group *group, const struct config *config, int listen_fd);
bool __wrap_accounting_work(const struct pool_group *group, const struct config *config, int listen_fd);

int __wrap_rename(const char *from, const char *to)
{
    step_reached("before_rename");
    int result = __real_rename(from, to), saved = errno;
    step_reached("after_rename");
    errno = saved;
    return result;
}

/* Writes the bytes in two halves. */
bool __wrap_media_write(struct media_writer *writer, const char *bytes, size_t length)
{
    size_t half = length / 2;
    if (!__real_media_write(writer, bytes, half))
        return false;
    step_reached("half_copy");
    bool written = __real_media_write(writer, bytes + half, length - half);
    int saved = errno;
    step_reached("after_copy");
    errno = saved;
    return written;
}

int __wrap_sync_file_range(int fd, off_t offset, off_t length, unsigned flags)
{
    step_reached("before_writeback");
    return __real_sync_file_range(fd, offset, length, flags);
}

int __wrap_PQsendQueryPrepared(PGconn *connection, const char *name, int count, const char *const *values,
                               const int *lengths, const int *formats, int result_format)
{
    int sent = __real_PQsendQueryPrepared(connection, name, count, values, lengths, formats, result_format);
    PQflush(connection);
    in_query = !is_accounting;
    step_reached(is_accounting ? "after_accounting_query" : "after_query");
    return sent;
}

/* Returns NULL when the answer is complete. */
PGresult *__wrap_PQgetResult(PGconn *connection)
{
    PGresult *result = __real_PQgetResult(connection);
    if (!result && in_query) {
        in_query = false;
        step_reached("after_answer");
    }
    return result;
}

bool __wrap_accounting_work(const struct pool_group *group, const struct config *config, int listen_fd)
{
    is_accounting = true;
    return __real_accounting_work(group, config, listen_fd);
}
