/* Health checks and metrics, for load balancers and monitoring. */
#include <errno.h>
#include <string.h>

#include "fcgi-api/api.h"
#include "fcgi-api/api_statements.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/metrics/metrics.h"
#include "lib/metrics/metrics_text.h"

enum { COUNT_INTERVAL_MS = 10 * 1000, COUNT_TIMEOUT_MS = 1000 };

static enum status answer(struct response *response, const char *status)
{
    struct json *json = response_json(response, 200);
    json_object(json);
    json_text(json, "status", status);
    json_object_end(json);
    return STATUS_ANSWERED;
}

/* 200 whenever a worker is running. */
enum status live_show(struct request *request, struct response *response)
{
    (void)request;
    return answer(response, "alive");
}

/* 200 when the media folder is writable and the database responds, otherwise 503. */
enum status ready_show(struct request *request, struct response *response)
{
    const struct api_context *context = request->context;
    if (!media_can_write(&context->media)) {
        log_write(LOG_WARNING, "disk_not_writable", "id=%s reason=\"%s\"", request->id, strerror(errno));
        return request_refuse(request, STATUS_UNAVAILABLE, "the media folder is not writable");
    }
    if (db_query(request->db, READY, NULL, NULL) != DB_DONE)
        return request_refuse(request, STATUS_DB_UNAVAILABLE, "the database does not answer");
    return answer(response, "ready");
}

/* Sets the gauges of the deletion table. Counting reads the whole table, so it is done at
 * most every ten seconds, and a database that hangs delays the metrics only for a second:
 * the gauges keep their values then. */
static void count_deletions(struct request *request)
{
    struct api_context *context = request->context;
    struct db_rows rows;
    long long due_ms = atomic_load(&context->next_deletion_count_ms);
    if (clock_left_ms(due_ms) > 0 || !atomic_compare_exchange_strong(&context->next_deletion_count_ms,
                                                                     &due_ms, clock_ms() + COUNT_INTERVAL_MS))
        return;
    db_begin_within(request->db, request->arena, COUNT_TIMEOUT_MS);
    if (db_query(request->db, DELETION_COUNT, NULL, &rows) != DB_DONE)
        return;
    metrics_set(METRIC_DELETIONS_PENDING, db_number(&rows, 0, 0));
    metrics_set(METRIC_DELETIONS_DEAD, db_number(&rows, 0, 1));
}

/* 200: the metrics of all three programs. nginx allows only the loopback address. */
enum status metrics_show(struct request *request, struct response *response)
{
    count_deletions(request);
    response->http = 200;
    response_header(response, "Content-Type", METRICS_TEXT_TYPE);
    metrics_text_write(request->config, &response->body);
    return STATUS_ANSWERED;
}
