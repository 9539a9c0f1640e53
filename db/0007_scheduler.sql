-- A claim says whose it is. What was just queued is due whatever the clock says; and a row that waits for its
-- time has an index that finds where the search before has ended.
ALTER TABLE video_deletions
    ADD COLUMN claimed_by uuid,
    ALTER COLUMN next_attempt_at SET DEFAULT 'epoch';
UPDATE video_deletions SET next_attempt_at = 'epoch' WHERE attempts = 0;
DROP INDEX video_deletions_due_idx;
CREATE INDEX video_deletions_due_idx ON video_deletions (next_attempt_at, id) WHERE dead_at IS NULL;
