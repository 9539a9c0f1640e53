#include "statements.h"

#include "task.h"

/* SQL has lines of its own. */
/* clang-format off */

#define TIMESTAMP(us) "timestamptz 'epoch' + " us "::bigint * interval '1 microsecond'"

#define TEXT_OF(number)  #number
#define SECONDS(number) "interval '" TEXT_OF(number) " seconds'"
#define LEASE           SECONDS(LEASE_S)

/* A row that nobody has. A claim that ends later than any that is made now was made before somebody set the
 * clock back. */
#define UNCLAIMED \
    "(claimed_until IS NULL OR claimed_until < now() OR claimed_until > now() + " LEASE ")"

/* Of the rows of a batch, those that are still this daemon's. */
#define OURS "id = ANY ($1::bigint[]) AND claimed_by = $2::uuid"

const struct db_statement scheduler_statements[STATEMENT_COUNT] = {
    /* What is due is an array so that it is looked for once, whatever the planner thinks: joined, it was looked
     * for once a row. The search goes on behind the batch before, where the rows that were there are still in
     * the way when many have to go. */
    [DELETION_CLAIM] = {"deletion_claim",
                        "UPDATE video_deletions"
                        " SET claimed_until = now() + " LEASE ", claimed_by = $2::uuid"
                        " WHERE id = ANY (ARRAY (SELECT id FROM video_deletions"
                        " WHERE dead_at IS NULL AND next_attempt_at <= now() AND " UNCLAIMED
                        " AND (next_attempt_at, id) > (" TIMESTAMP("$3") ", $4::bigint)"
                        " ORDER BY next_attempt_at, id LIMIT $1::bigint FOR UPDATE SKIP LOCKED))"
                        " RETURNING id, media_key::text, next_attempt_at"},
    [DELETION_RENEW] = {"deletion_renew",
                        "UPDATE video_deletions SET claimed_until = now() + " LEASE " WHERE " OURS},
    [DELETION_RELEASE] = {"deletion_release",
                          "UPDATE video_deletions SET claimed_until = NULL, claimed_by = NULL WHERE " OURS},
    [DELETION_DONE] = {"deletion_done", "DELETE FROM video_deletions WHERE " OURS},

    /* Twice as long after each failure, an hour at most, and not all at the same moment. */
    [DELETION_FAILED] = {"deletion_failed",
                         "UPDATE video_deletions SET attempts = attempts + 1,"
                         " claimed_until = NULL, claimed_by = NULL, last_error = $3::text,"
                         " next_attempt_at = now() + least(3600, 2 ^ least(attempts, 12))"
                         " * (0.5 + random()) * interval '1 second',"
                         " dead_at = CASE WHEN attempts + 1 >= $4::bigint THEN now() END"
                         " WHERE id = $1::bigint AND claimed_by = $2::uuid RETURNING dead_at IS NOT NULL"},

    /* The row goes and the deletion row comes, or neither, as when its author deletes the video. */
    [VIDEO_SCHEDULE] = {"video_schedule",
                        "WITH gone AS (DELETE FROM videos WHERE id = $1::bigint RETURNING id, media_key)"
                        " INSERT INTO video_deletions (video_id, media_key)"
                        " SELECT id, media_key FROM gone WHERE media_key IS NOT NULL"},
};
