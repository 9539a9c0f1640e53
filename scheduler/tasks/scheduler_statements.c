#include "scheduler/tasks/scheduler_statements.h"

#include "scheduler/runner/task.h"

/* SQL is wrapped by hand. */
/* clang-format off */

#define TIMESTAMP(us) "timestamptz 'epoch' + " us "::bigint * interval '1 microsecond'"

#define TEXT_OF(number)  #number
#define SECONDS(number) "interval '" TEXT_OF(number) " seconds'"
#define LEASE           SECONDS(LEASE_S)

/* A row without a valid lease. A lease that ends much later than a new one would is
 * invalid: it was made before the clock was set back. It may end a little later: a row
 * that was changed concurrently is checked in its latest version, while now() is when
 * this transaction began. */
#define FREE(until) \
    "(" until " IS NULL OR " until " < now() OR " until " > now() + 2 * " LEASE ")"
#define UNLEASED FREE("leased_until")

/* Rows on which this daemon still holds the lease. */
#define OUR_SWEEP "name = $1::text AND leased_by = $2::uuid"
#define OURS      "id = ANY ($1::bigint[]) AND leased_by = $2::uuid"

/* A sweep that is due. One that would be due much later than its interval allows was
 * scheduled before the clock was set back. */
#define DUE(next, every) "(" next " <= now() OR " next " > now() + " LEASE " + " every " * interval '1 second')"

const struct db_statement scheduler_statements[STATEMENT_COUNT] = {
    /* Planned anew each time: the deletion table may grow from no row to a million in a
     * moment, and a plan cached for few rows would then read all of them.
     *
     * The ARRAY makes PostgreSQL search once, whatever its estimates; with a join it
     * searched once per row. The search starts behind the previous batch ($3, $4), so
     * that it need not skip the dead versions of those rows. */
    [DELETION_CLAIM] = {"deletion_claim",
                        "UPDATE video_deletions"
                        " SET leased_until = now() + " LEASE ", leased_by = $2::uuid"
                        " WHERE id = ANY (ARRAY (SELECT id FROM video_deletions"
                        " WHERE dead_at IS NULL AND next_attempt_at <= now() AND " UNLEASED
                        " AND (next_attempt_at, id) > (" TIMESTAMP("$3") ", $4::bigint)"
                        " ORDER BY next_attempt_at, id LIMIT $1::bigint FOR UPDATE SKIP LOCKED))"
                        " RETURNING id, media_key::text, next_attempt_at",
                        .replan = true},
    [DELETION_RENEW] = {"deletion_renew",
                        "UPDATE video_deletions SET leased_until = now() + " LEASE " WHERE " OURS,
                        .replan = true},
    [DELETION_RELEASE] = {"deletion_release",
                          "UPDATE video_deletions SET leased_until = NULL, leased_by = NULL WHERE " OURS,
                          .replan = true},
    [DELETION_DONE] = {"deletion_done", "DELETE FROM video_deletions WHERE " OURS, .replan = true},

    /* Exponential backoff with jitter, up to an hour. */
    [DELETION_FAILED] = {"deletion_failed",
                         "UPDATE video_deletions SET attempts = attempts + 1,"
                         " leased_until = NULL, leased_by = NULL, last_error = $3::text,"
                         " next_attempt_at = now() + least(3600, 2 ^ least(attempts, 12))"
                         " * (0.5 + random()) * interval '1 second',"
                         " dead_at = CASE WHEN attempts + 1 >= $4::bigint THEN now() END"
                         " WHERE id = $1::bigint AND leased_by = $2::uuid RETURNING dead_at IS NOT NULL",
                         .replan = true},

    /* Inserts the row of a sweep that runs for the first time. Writes nothing when the
     * sweep is not due. */
    [SWEEP_CLAIM] = {"sweep_claim",
                     "INSERT INTO sweeps AS s (name, leased_by, leased_until)"
                     " SELECT $1::text, $2::uuid, now() + " LEASE
                     " WHERE NOT EXISTS (SELECT FROM sweeps WHERE name = $1::text"
                     " AND NOT (" DUE("next_run_at", "$3::bigint") " AND " UNLEASED "))"
                     " ON CONFLICT (name) DO UPDATE SET leased_by = $2::uuid, leased_until = now() + " LEASE
                     " WHERE " DUE("s.next_run_at", "$3::bigint") " AND " FREE("s.leased_until")
                     " RETURNING true"},
    [SWEEP_RENEW] = {"sweep_renew", "UPDATE sweeps SET leased_until = now() + " LEASE " WHERE " OUR_SWEEP},
    [SWEEP_RELEASE] = {"sweep_release",
                       "UPDATE sweeps SET leased_until = NULL, leased_by = NULL WHERE " OUR_SWEEP},
    [SWEEP_DONE] = {"sweep_done",
                    "UPDATE sweeps SET leased_until = NULL, leased_by = NULL, attempts = 0, last_error = NULL,"
                    " next_run_at = now() + $3::bigint * interval '1 second' WHERE " OUR_SWEEP},
    [SWEEP_FAILED] = {"sweep_failed",
                      "UPDATE sweeps SET leased_until = NULL, leased_by = NULL, attempts = attempts + 1,"
                      " last_error = $3::text, next_run_at = now() + least($4::bigint, 2 ^ least(attempts, 12))"
                      " * (0.5 + random() / 2) * interval '1 second' WHERE " OUR_SWEEP},

    [SESSION_SWEEP] = {"session_sweep",
                       "WITH gone AS (DELETE FROM sessions WHERE token_hash = ANY (ARRAY (SELECT token_hash"
                       " FROM sessions WHERE expires_at <= now() LIMIT $1::bigint FOR UPDATE SKIP LOCKED))"
                       " RETURNING 1) SELECT count(*) FROM gone"},

    /* Uploads that are not resumable end with their requests, however long these take;
     * fcgi-stream deletes their rows. */
    [UPLOAD_SWEEP] = {"upload_sweep",
                      "WITH gone AS (DELETE FROM uploads WHERE id = ANY (ARRAY (SELECT id FROM uploads"
                      " WHERE resumable AND expires_at <= now() LIMIT $1::bigint)) AND expires_at <= now()"
                      " RETURNING 1) SELECT count(*) FROM gone"},
    [UPLOAD_EXISTS] = {"upload_exists", "SELECT id::text FROM uploads WHERE id = $1::uuid", .read = true},

    /* Retries that are further off than DELETION_FAILED would put them: the clock was set
     * back. */
    [CLOCK_SWEEP] = {"clock_sweep",
                     "WITH changed AS (UPDATE video_deletions SET next_attempt_at = now() WHERE id = ANY (ARRAY ("
                     "SELECT id FROM video_deletions WHERE attempts > 0 AND dead_at IS NULL"
                     " AND next_attempt_at > now() + least(3600, 2 ^ least(attempts - 1, 12))"
                     " * 1.5 * interval '1 second' LIMIT $1::bigint FOR UPDATE SKIP LOCKED))"
                     " RETURNING 1) SELECT count(*) FROM changed"},

    [MEDIA_ORPHANS] = {"media_orphans",
                       "SELECT k::text FROM unnest($1::uuid[]) k"
                       " WHERE NOT EXISTS (SELECT FROM media_references r WHERE r.media_key = k)",
                       .read = true},
    [VIDEO_FILES] = {"video_files",
                     "SELECT id, media_key::text FROM videos WHERE id > $1::bigint AND media_key IS NOT NULL"
                     " ORDER BY id LIMIT $2::bigint",
                     .read = true},
    [VIDEO_HAS_FILE] = {"video_has_file",
                        "SELECT id FROM videos WHERE id = $1::bigint AND media_key = $2::uuid", .read = true},
    [VIDEO_DETACH] = {"video_detach",
                      "UPDATE videos SET media_key = NULL, content_type = NULL, size = NULL, upload_time = NULL"
                      " WHERE id = $1::bigint AND media_key = $2::uuid RETURNING id"},

    [DELETION_LIST] = {"deletion_list",
                       "SELECT id, video_id, media_key::text, request_time,"
                       " CASE WHEN dead_at IS NOT NULL THEN 'dead' WHEN leased_until > now() THEN 'leased'"
                       " ELSE 'waiting' END, attempts,"
                       " CASE WHEN dead_at IS NULL THEN next_attempt_at ELSE 'epoch' END, last_error"
                       " FROM video_deletions WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint",
                       .read = true},
    [DELETION_REDRIVE] = {"deletion_redrive",
                          "WITH dead AS (SELECT id FROM video_deletions WHERE dead_at IS NOT NULL"
                          " AND ($1::bigint = 0 OR id = $1::bigint) LIMIT $2::bigint FOR UPDATE SKIP LOCKED),"
                          " alive AS (UPDATE video_deletions SET dead_at = NULL, attempts = 0,"
                          " next_attempt_at = 'epoch' WHERE id = ANY (ARRAY (SELECT id FROM dead)) RETURNING 1)"
                          " SELECT count(*), pg_notify('video_deletions', '')::text FROM alive"},

    /* The same as VIDEO_DELETE of fcgi-api. */
    [VIDEO_SCHEDULE] = {"video_schedule", "SELECT video_delete($1::bigint, $2::bigint)"},
    [VIDEO_RESTORE] = {"video_restore", "SELECT video_restore($1::bigint)"},
    [DELETED_LIST] = {"deleted_list",
                      "SELECT video_id, delete_time, purge_at, jsonb_array_length(comments), video->>'title'"
                      " FROM deleted_videos WHERE video_id > $1::bigint ORDER BY video_id LIMIT $2::bigint",
                      .read = true},
    [TRASH_SWEEP] = {"trash_sweep",
                     "WITH gone AS (DELETE FROM deleted_videos WHERE video_id = ANY (ARRAY (SELECT video_id"
                     " FROM deleted_videos WHERE purge_at <= now() LIMIT $1::bigint)) RETURNING 1)"
                     " SELECT count(*) FROM gone"},
};
