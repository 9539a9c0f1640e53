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
    /* Listed in one run; the others are left to the next one. */
    ORPHANS_MAX = 10000,
    /* More than this, and more than half of all files, are not left over from a crash. */
    ORPHANS_SUSPICIOUS = 100,
    LIST_SIZE = KEYS_AT_ONCE * MEDIA_KEY_SIZE + 3,
};

typedef char media_key[MEDIA_KEY_SIZE];

struct comparison {
    struct task_context *context;
    struct reconcile_result *result;
    /* Keys of old files not yet looked up in the database. */
    media_key keys[KEYS_AT_ONCE];
    int count;
    media_key *orphans;
    int orphan_count;
    const char *error;
};

/* Formats the keys as an array literal. */
static void format_keys(const media_key *keys, int count, char list[LIST_SIZE])
{
    size_t used = 0;
    list[used++] = '{';
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(list + used, LIST_SIZE - used, "%s%s", i ? "," : "", keys[i]);
    snprintf(list + used, LIST_SIZE - used, "}");
}

/* Selects those of the keys that have no row. */
static bool select_orphans(struct task_context *context, const media_key *keys, int count,
                           struct db_rows *rows)
{
    char list[LIST_SIZE];
    struct db_params params = {0};
    format_keys(keys, count, list);
    db_bind_literal(&params, list);
    task_db_begin(context);
    return db_query(context->db, MEDIA_ORPHANS, &params, rows) == DB_DONE;
}

/* Looks up the collected keys and adds the orphans to the list. */
static bool look_up_keys(struct comparison *comparison)
{
    struct db_rows rows;
    if (!select_orphans(comparison->context, comparison->keys, comparison->count, &rows)) {
        comparison->error = sweep_query_failed;
        return false;
    }
    comparison->count = 0;
    comparison->result->orphans += rows.count;
    for (int i = 0; i < rows.count && comparison->orphan_count < ORPHANS_MAX; i++)
        snprintf(comparison->orphans[comparison->orphan_count++], MEDIA_KEY_SIZE, "%s", db_text(&rows, i, 0));
    return true;
}

static bool visit_file(void *context, const char *key, int64_t change_s)
{
    struct comparison *comparison = context;
    comparison->result->files++;
    if (task_past_deadline(comparison->context))
        return false;
    if (clock_unix_ms() / 1000 - change_s <= comparison->context->config->orphan_age_s)
        return true;
    snprintf(comparison->keys[comparison->count++], MEDIA_KEY_SIZE, "%s", key);
    return comparison->count < KEYS_AT_ONCE || look_up_keys(comparison);
}

static void remove_orphans(struct comparison *comparison)
{
    const struct media *media = comparison->context->media;
    for (int i = 0; i < comparison->orphan_count && !task_past_deadline(comparison->context); i++) {
        const char *key = comparison->orphans[i];
        if (media_remove(media, key) && media_sync(media, key)) {
            comparison->result->removed++;
            log_write(LOG_INFO, "orphan_removed", "key=%s", key);
        } else {
            log_write(LOG_WARNING, "orphan_not_removed", "key=%s reason=\"%s\"", key, strerror(errno));
        }
    }
}

/* With another site's database every file would be an orphan. */
static bool looks_like_wrong_database(const struct reconcile_result *result)
{
    return result->orphans > ORPHANS_SUSPICIOUS && result->orphans > result->files / 2;
}

static const char *compare_files(struct task_context *context, const struct reconcile_action *action,
                                 struct reconcile_result *result)
{
    struct comparison *comparison = calloc(1, sizeof *comparison);
    media_key *orphans = calloc(ORPHANS_MAX, sizeof *orphans);
    const char *error = "out of memory";
    if (comparison && orphans) {
        *comparison = (struct comparison){.context = context, .result = result, .orphans = orphans};
        if (!media_list(context->media, visit_file, comparison))
            comparison->error = strerrordesc_np(errno);
        else if (!comparison->error && comparison->count > 0)
            look_up_keys(comparison);
        error = comparison->error;
    }
    for (int i = 0; !error && action->on_orphan && i < comparison->orphan_count; i++)
        action->on_orphan(orphans[i]);
    if (!error && action->remove_orphans && looks_like_wrong_database(result) && !action->even_if_most)
        error = "most files have no row: check VS_DATABASE_URL, or remove the files with vsctl fsck --fix";
    if (!error && action->remove_orphans)
        remove_orphans(comparison);
    free(orphans);
    free(comparison);
    return error;
}

/* Returns true when the file is missing and the row, read again, still refers to it. With
 * detach the row is updated. */
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
    for (int count = VIDEOS_AT_ONCE; count == VIDEOS_AT_ONCE && !task_past_deadline(context);) {
        struct db_params params = {0};
        struct db_rows rows;
        task_db_begin(context);
        db_bind_number(&params, last);
        db_bind_number(&params, VIDEOS_AT_ONCE);
        if (db_query(context->db, VIDEO_FILES, &params, &rows) != DB_DONE)
            return sweep_query_failed;
        count = rows.count;
        result->videos += count;
        for (int i = 0; i < count; i++) {
            const char *key = db_text(&rows, i, 1);
            bool detached;
            last = db_number(&rows, i, 0);
            if (!is_missing(context, last, key, action->detach_missing, &detached))
                continue;
            result->missing++;
            result->detached += detached;
            if (action->on_missing)
                action->on_missing(last, key);
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
    static const struct reconcile_action action = {.remove_orphans = true, .on_missing = log_missing};
    struct reconcile_result result;
    struct task *task = &batch->tasks[0];
    task->error = reconcile(context, &action, &result);
    task->state = task->error ? TASK_FAILED : TASK_DONE;
    log_write(LOG_INFO, "reconciled", "files=%lld orphans=%lld removed=%lld videos=%lld missing=%lld",
              (long long)result.files, (long long)result.orphans, (long long)result.removed,
              (long long)result.videos, (long long)result.missing);
}
