#include "statements.h"

/* SQL has lines of its own. */
/* clang-format off */

const struct db_statement scheduler_statements[STATEMENT_COUNT] = {
    /* A claim is a lease: whoever dies with it loses it when claimed_until has passed. What is due is an array
     * so that it is looked for once, whatever the planner thinks: joined, it was looked for once a row. */
    [DELETION_CLAIM] = {"deletion_claim",
                        "UPDATE video_deletions"
                        " SET claimed_until = now() + $2::bigint * interval '1 second'"
                        " WHERE id = ANY (ARRAY (SELECT id FROM video_deletions"
                        " WHERE dead_at IS NULL AND next_attempt_at <= now()"
                        " AND (claimed_until IS NULL OR claimed_until < now())"
                        " ORDER BY next_attempt_at LIMIT $1::bigint FOR UPDATE SKIP LOCKED))"
                        " RETURNING id, media_key::text"},
    [DELETION_DONE] = {"deletion_done", "DELETE FROM video_deletions WHERE id = ANY ($1::bigint[])"},

    /* Twice as long after each failure, an hour at most, and not all at the same moment. */
    [DELETION_FAILED] = {"deletion_failed",
                         "UPDATE video_deletions SET attempts = attempts + 1, claimed_until = NULL,"
                         " last_error = $2::text,"
                         " next_attempt_at = now() + least(3600, 2 ^ least(attempts, 12))"
                         " * (0.5 + random()) * interval '1 second',"
                         " dead_at = CASE WHEN attempts + 1 >= $3::bigint THEN now() END"
                         " WHERE id = $1::bigint RETURNING dead_at IS NOT NULL"},

    /* The row goes and the deletion row comes, or neither, as when its author deletes the video. */
    [VIDEO_SCHEDULE] = {"video_schedule",
                        "WITH gone AS (DELETE FROM videos WHERE id = $1::bigint RETURNING id, media_key)"
                        " INSERT INTO video_deletions (video_id, media_key)"
                        " SELECT id, media_key FROM gone WHERE media_key IS NOT NULL"},
};
