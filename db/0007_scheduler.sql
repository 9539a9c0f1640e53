-- A claim says whose it is. What was just queued is due whatever the clock says; and a row that waits for its
-- time has an index that finds where the search before has ended.
ALTER TABLE video_deletions
    ADD COLUMN claimed_by uuid,
    ALTER COLUMN next_attempt_at SET DEFAULT 'epoch';
UPDATE video_deletions SET next_attempt_at = 'epoch' WHERE attempts = 0;
DROP INDEX video_deletions_due_idx;
CREATE INDEX video_deletions_due_idx ON video_deletions (next_attempt_at, id) WHERE dead_at IS NULL;

-- Those that wait for another attempt, which are few.
CREATE INDEX video_deletions_failed_idx ON video_deletions (next_attempt_at) WHERE attempts > 0 AND dead_at IS NULL;
CREATE INDEX video_deletions_dead_idx ON video_deletions (dead_at) WHERE dead_at IS NOT NULL;

-- Work that comes again and again: each kind is done by one daemon at a time.
CREATE TABLE sweeps (
    name          text PRIMARY KEY,
    next_run_at   timestamptz NOT NULL DEFAULT 'epoch',
    attempts      integer NOT NULL DEFAULT 0,
    claimed_by    uuid,
    claimed_until timestamptz,
    last_error    text
);

-- Every key that a file may have. A file of any other key belongs to nobody, and is removed.
CREATE VIEW media_references (media_key) AS
    SELECT media_key FROM videos WHERE media_key IS NOT NULL
    UNION ALL SELECT media_key FROM video_deletions
    UNION ALL SELECT id FROM uploads;

GRANT SELECT, INSERT, UPDATE ON sweeps TO video_scheduler;
GRANT SELECT ON media_references TO video_scheduler;
GRANT SELECT (token_hash, expires_at), UPDATE (expires_at), DELETE ON sessions TO video_scheduler;
GRANT UPDATE (media_key, content_type, size, upload_time) ON videos TO video_scheduler;
