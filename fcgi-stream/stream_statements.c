#include "fcgi-stream/stream_statements.h"

#include "lib/http/session.h"

/* The line breaks of SQL are deliberate. */
/* clang-format off */

/* Sending more than a quarter of a video to a viewer counts as a view. */
#define IS_VIEW(bytes, size) "(" bytes ") * 4 > " size
#define IS_NEW_VIEW \
    "w.view_time IS NULL AND " IS_VIEW("w.bytes_sent + excluded.bytes_sent", \
                                       "(SELECT v.size FROM videos v WHERE v.id = w.video_id)")

const struct db_statement stream_statements[STATEMENT_COUNT] = {
    [SESSION_FIND] = {"session_find", SESSION_FIND_SQL, .read = true},

    /* The last column is the user of the session with that hash. */
    [VIDEO_FILE] = {"video_file",
                    "SELECT media_key::text, content_type, size, title,"
                    " (SELECT user_id FROM sessions WHERE token_hash = $2::bytea AND expires_at > now())"
                    " FROM videos WHERE id = $1::bigint",
                    .read = true},
    [VIDEO_AUTHOR] = {"video_author", "SELECT author_id FROM videos WHERE id = $1::bigint",
                      .read = true},

    /* In one transaction: sets the new key, queues the old one for deletion, and ends the
     * reservation. Does nothing when the reservation is gone or the video is another
     * user's. The last column is the author, NULL when there is no video. Idempotent. */
    [UPLOAD_PUBLISH] = {"upload_publish",
                        "WITH old AS (SELECT id, author_id, media_key FROM videos"
                        " WHERE id = $1::bigint FOR UPDATE),"
                        " mine AS (SELECT id FROM uploads WHERE id = $3::uuid AND finished_at IS NULL"
                        " FOR UPDATE),"
                        " new AS (UPDATE videos v SET media_key = $3::uuid, content_type = $4::text,"
                        " size = $5::bigint, upload_time = now()"
                        " FROM old WHERE v.id = old.id AND old.author_id = $2::bigint"
                        " AND (old.media_key = $3::uuid OR EXISTS (SELECT FROM mine)) RETURNING v.id),"
                        " queued AS (INSERT INTO video_deletions (video_id, media_key)"
                        " SELECT old.id, old.media_key FROM old JOIN new USING (id)"
                        " WHERE old.media_key IS NOT NULL AND old.media_key <> $3::uuid),"
                        " ended AS (DELETE FROM uploads WHERE id = $3::uuid AND NOT resumable"
                        " AND EXISTS (SELECT FROM new)),"
                        " finished AS (UPDATE uploads SET finished_at = now(), received = length"
                        " WHERE id = $3::uuid AND resumable AND EXISTS (SELECT FROM new))"
                        " SELECT (SELECT count(*) FROM new), (SELECT author_id FROM old)"},

    [UPLOAD_RESERVE] = {"upload_reserve",
                        "SELECT upload_reserve($1::uuid, $2::bigint, $3::bigint, $4::bigint, $5::boolean,"
                        " $6::bigint, $7::bigint, $8::bigint, $9::bigint, $10::bigint, $11::bigint)"},
    [UPLOAD_CANCEL] = {"upload_cancel", "DELETE FROM uploads WHERE id = $1::uuid AND NOT resumable"},
    /* The file already has its final name, so the scheduler deletes it. */
    [UPLOAD_ABANDON] = {"upload_abandon",
                        "WITH gone AS (DELETE FROM uploads WHERE id = $1::uuid AND NOT resumable"
                        " RETURNING video_id, id)"
                        " INSERT INTO video_deletions (video_id, media_key) SELECT video_id, id FROM gone"},
    [UPLOAD_DIRECT] = {"upload_direct", "SELECT id::text FROM uploads WHERE NOT resumable",
                       .read = true},

    [UPLOAD_BEGIN] = {"upload_begin",
                      "UPDATE uploads SET resumable = true, metadata = $2::text,"
                      " expires_at = now() + $3::bigint * interval '1 second'"
                      " WHERE id = $1::uuid AND NOT resumable RETURNING 1"},
    [UPLOAD_GET] = {"upload_get",
                    "SELECT video_id, user_id, length, metadata, expires_at, finished_at IS NOT NULL"
                    " FROM uploads WHERE id = $1::uuid AND resumable AND expires_at > now()",
                    .read = true},
    [UPLOAD_TOUCH] = {"upload_touch",
                      "UPDATE uploads SET received = $2::bigint,"
                      " expires_at = now() + $3::bigint * interval '1 second'"
                      " WHERE id = $1::uuid AND resumable RETURNING expires_at"},
    [UPLOAD_DELETE] = {"upload_delete", "DELETE FROM uploads WHERE id = $1::uuid"},

    [POSTER_GET] = {"poster_get",
                    "SELECT media_key::text, content_type, size FROM posters WHERE video_id = $1::bigint",
                    .read = true},
    /* Updating the video raises its revision (trigger). Ends the reservation. */
    [POSTER_PUT] = {"poster_put",
                    "WITH video AS (UPDATE videos SET media_key = media_key"
                    " WHERE id = $1::bigint AND author_id = $2::bigint RETURNING id),"
                    " ended AS (DELETE FROM uploads WHERE id = $3::uuid AND EXISTS (SELECT FROM video) RETURNING 1)"
                    " INSERT INTO posters (video_id, media_key, content_type, size)"
                    " SELECT id, $3::uuid, $4::text, $5::bigint FROM video, ended"
                    " ON CONFLICT (video_id) DO UPDATE SET media_key = excluded.media_key,"
                    " content_type = excluded.content_type, size = excluded.size RETURNING 1"},

    [VIEW_POSITION] = {"view_position", "SELECT position FROM view_queues WHERE id = $1::uuid", .read = true},
    [VIEW_FORGET] = {"view_forget", "DELETE FROM video_viewers WHERE expires_at <= now()"},

    /* $4 to $6 are the videos, viewers and bytes of the queue's entries from position $2
     * to $3. They are counted only if the queue's position can be advanced. Waits for a
     * concurrent deletion of a video, whose entries are then dropped. */
    [VIEW_COUNT] = {"view_count",
                    "WITH moved AS (INSERT INTO view_queues AS q (id, position) VALUES ($1::uuid, $3::bigint)"
                    " ON CONFLICT (id) DO UPDATE SET position = excluded.position WHERE q.position <= $2::bigint"
                    " RETURNING 1),"
                    " there AS (SELECT v.id, v.size FROM videos v WHERE v.id = ANY ($4::bigint[])"
                    " AND EXISTS (SELECT FROM moved) ORDER BY v.id FOR KEY SHARE),"
                    " batch AS (SELECT b.video_id, b.viewer, sum(b.bytes)::bigint AS bytes, v.size"
                    " FROM unnest($4::bigint[], $5::bigint[], $6::bigint[]) AS b (video_id, viewer, bytes)"
                    " JOIN there v ON v.id = b.video_id"
                    " GROUP BY b.video_id, b.viewer, v.size ORDER BY b.video_id, b.viewer),"
                    " seen AS (INSERT INTO video_viewers AS w (video_id, viewer, bytes_sent, view_time)"
                    " SELECT video_id, viewer, bytes, CASE WHEN " IS_VIEW("bytes", "size") " THEN now() END FROM batch"
                    " ON CONFLICT (video_id, viewer) DO UPDATE SET"
                    " bytes_sent = w.bytes_sent + excluded.bytes_sent,"
                    " view_time = CASE WHEN " IS_NEW_VIEW " THEN now() ELSE w.view_time END,"
                    " expires_at = CASE WHEN " IS_NEW_VIEW " THEN now() + interval '1 hour' ELSE w.expires_at END"
                    " RETURNING video_id, viewer, view_time = now() AS viewed),"
                    " traffic AS (INSERT INTO video_traffic AS t (video_id, views, bytes_sent)"
                    " SELECT video_id, count(*) FILTER (WHERE s.viewed), sum(b.bytes)"
                    " FROM batch b JOIN seen s USING (video_id, viewer) GROUP BY video_id ORDER BY video_id"
                    " ON CONFLICT (video_id) DO UPDATE SET views = t.views + excluded.views,"
                    " bytes_sent = t.bytes_sent + excluded.bytes_sent)"
                    " SELECT count(*) FROM moved"},
};
