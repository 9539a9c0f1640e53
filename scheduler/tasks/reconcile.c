#include "scheduler/tasks/reconcile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "scheduler/tasks/sweep.h"

enum {
    KEYS_AT_ONCE = 500,
    VIDEOS_AT_ONCE = 500,
    UNKNOWN_MAX = 10000,  /* found in one go; the others the next time */
    UNKNOWN_MODEST = 100, /* more of them, and more than known ones: that is no leftover of a crash */
    LIST_SIZE = KEYS_AT_ONCE * MEDIA_KEY_SIZE + 3,
};

typedef char media_key[MEDIA_KEY_SIZE];

struct comparison {
    struct task_context *context;
    struct reconcile_result *result;
    media_key keys[KEYS_AT_ONCE]; /* old ones that the database hasn't been asked for */
    int count;
    media_key *unknown;
    int unknown_count;
    const char *error;
};

static void list_keys(const media_key *keys, int count, char list[LIST_SIZE])
{
    size_t used = 0;
    list[used++] = '{';
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(list + used, LIST_SIZE - used, "%s%s", i ? "," : "", keys[i]);
    snprintf(list + used, LIST_SIZE - used, "}");
}

/* Which of the keys has no row? */
static bool ask(struct task_context *context, const media_key *keys, int count, struct db_rows *rows)
{
    char list[LIST_SIZE];
    struct db_params params = {0};
    list_keys(keys, count, list);
    db_bind_literal(&params, list);
    task_begin(context);
    return db_query(context->db, MEDIA_UNKNOWN, &params, rows) == DB_DONE;
}

static bool ask_for_keys(struct comparison *comparison)
{
    struct db_rows rows;
    if (!ask(comparison->context, comparison->keys, comparison->count, &rows)) {
        comparison->error = sweep_database_failed;
        return false;
    }
    comparison->count = 0;
    comparison->result->unknown += rows.count;
    for (int i = 0; i < rows.count && comparison->unknown_count < UNKNOWN_MAX; i++)
        snprintf(comparison->unknown[comparison->unknown_count++], MEDIA_KEY_SIZE, "%s",
                 db_text(&rows, i, 0));
    return true;
}

static bool look(void *context, const char *key, int64_t change_s)
{
    struct comparison *comparison = context;
    comparison->result->files++;
    if (task_is_late(comparison->context))
        return false;
    if (clock_unix_ms() / 1000 - change_s <= comparison->context->config->orphan_age_s)
        return true;
    snprintf(comparison->keys[comparison->count++], MEDIA_KEY_SIZE, "%s", key);
    return comparison->count < KEYS_AT_ONCE || ask_for_keys(comparison);
}

static void remove_unknown(struct comparison *comparison)
{
    const struct media *media = comparison->context->media;
    for (int i = 0; i < comparison->unknown_count && !task_is_late(comparison->context); i++) {
        const char *key = comparison->unknown[i];
        if (media_remove(media, key) && media_sync(media, key)) {
            comparison->result->removed++;
            log_write(LOG_INFO, "unknown_file_removed", "key=%s", key);
        } else {
            log_write(LOG_WARNING, "unknown_file_left", "key=%s reason=\"%s\"", key, strerror(errno));
        }
    }
}

/* A media folder with another site's database would be emptied. */
static bool is_suspicious(const struct reconcile_result *result)
{
    return result->unknown > UNKNOWN_MODEST && result->unknown > result->files / 2;
}

static const char *compare_files(struct task_context *context, const struct reconcile_action *action,
                                 struct reconcile_result *result)
{
    struct comparison *comparison = calloc(1, sizeof *comparison);
    media_key *unknown = calloc(UNKNOWN_MAX, sizeof *unknown);
    const char *error = "out of memory";
    if (comparison && unknown) {
        *comparison = (struct comparison){.context = context, .result = result, .unknown = unknown};
        if (!media_list(context->media, look, comparison))
            comparison->error = strerrordesc_np(errno);
        else if (!comparison->error && comparison->count > 0)
            ask_for_keys(comparison);
        error = comparison->error;
    }
    for (int i = 0; !error && action->unknown && i < comparison->unknown_count; i++)
        action->unknown(unknown[i]);
    if (!error && action->remove && is_suspicious(result) && !action->any)
        error =
            "most files have no row, which looks like another site's database: vsctl fsck --fix removes them";
    if (!error && action->remove)
        remove_unknown(comparison);
    free(unknown);
    free(comparison);
    return error;
}

/* True when the row, read once more, still says so and there still is no file. */
static bool is_missing(struct task_context *context, int64_t video_id, const char *key, bool detach,
                       bool *detached)
{
    struct db_params params = {0};
    struct db_rows rows;
    *detached = false;
    if (media_exists(context->media, key))
        return false;
    db_bind_number(&params, video_id);
    db_bind_literal(&params, key);
    if (db_query(context->db, detach ? VIDEO_DETACH : VIDEO_HAS_FILE, &params, &rows) != DB_DONE)
        return false;
    *detached = detach && rows.count == 1;
    return rows.count == 1;
}

static const char *compare_rows(struct task_context *context, const struct reconcile_action *action,
                                struct reconcile_result *result)
{
    int64_t last = 0;
    for (int count = VIDEOS_AT_ONCE; count == VIDEOS_AT_ONCE && !task_is_late(context);) {
        struct db_params params = {0};
        struct db_rows rows;
        task_begin(context);
        db_bind_number(&params, last);
        db_bind_number(&params, VIDEOS_AT_ONCE);
        if (db_query(context->db, VIDEO_FILES, &params, &rows) != DB_DONE)
            return sweep_database_failed;
        count = rows.count;
        result->videos += count;
        for (int i = 0; i < count; i++) {
            const char *key = db_text(&rows, i, 1);
            bool detached;
            last = db_number(&rows, i, 0);
            if (!is_missing(context, last, key, action->detach, &detached))
                continue;
            result->missing++;
            result->detached += detached;
            if (action->missing)
                action->missing(last, key);
        }
    }
    return NULL;
}

const char *reconcile(struct task_context *context, const struct reconcile_action *action,
                      struct reconcile_result *result)
{
    *result = (struct reconcile_result){0};
    if (!media_is_available(context->media))
        return strerrordesc_np(errno);
    const char *error = compare_rows(context, action, result);
    return error ? error : compare_files(context, action, result);
}

static void log_missing(int64_t video_id, const char *key)
{
    log_write(LOG_ERROR, "file_missing", "video=%lld key=%s", (long long)video_id, key);
}

void reconcile_sweep(struct task_context *context, struct task_batch *batch)
{
    static const struct reconcile_action action = {.remove = true, .missing = log_missing};
    struct reconcile_result result;
    struct task *task = &batch->tasks[0];
    task->error = reconcile(context, &action, &result);
    task->state = task->error ? TASK_FAILED : TASK_DONE;
    log_write(LOG_INFO, "reconciled", "files=%lld unknown=%lld removed=%lld videos=%lld missing=%lld",
              (long long)result.files, (long long)result.unknown, (long long)result.removed,
              (long long)result.videos, (long long)result.missing);
}
