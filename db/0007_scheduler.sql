-- A claim says whose it is. What was just queued is due whatever the clock says; and a row that waits for its
-- time has an index that finds where the search before has ended.
ALTER TABLE video_deletions
    ADD COLUMN leased_by uuid,
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
    leased_by    uuid,
    leased_until timestamptz,
    last_error    text
);

-- Every key that a file may have. A file of any other key belongs to nobody, and is removed.
CREATE VIEW media_references (media_key) AS
    SELECT media_key FROM videos WHERE media_key IS NOT NULL
    UNION ALL SELECT media_key FROM video_deletions
    UNION ALL SELECT media_key FROM posters
    UNION ALL SELECT id FROM uploads;

-- A deleted video while it can be brought back: its row and its comments as they were.
CREATE TABLE deleted_videos (
    video_id    bigint PRIMARY KEY,
    delete_time timestamptz NOT NULL DEFAULT now(),
    purge_at    timestamptz NOT NULL,
    video       jsonb NOT NULL,
    comments    jsonb NOT NULL
);
CREATE INDEX deleted_videos_purge_at_idx ON deleted_videos (purge_at);

-- Deletes a video, if there is one: its row goes and its file is queued, for when the grace period is over. Of one
-- that has such a period all is kept that it takes to bring it back.
CREATE FUNCTION video_retire(vid bigint, grace_s bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    key uuid;
    over timestamptz := CASE WHEN grace_s > 0 THEN now() + grace_s * interval '1 second' ELSE 'epoch' END;
BEGIN
    -- A comment that is being made holds a lock on the row, and the next statement sees it.
    SELECT media_key INTO key FROM videos WHERE id = vid FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF grace_s > 0 THEN
        INSERT INTO deleted_videos (video_id, purge_at, video, comments)
            SELECT vid, over, to_jsonb(v),
                coalesce((SELECT jsonb_agg(to_jsonb(c)) FROM comments c WHERE c.video_id = vid), '[]')
            FROM videos v WHERE v.id = vid;
    END IF;
    DELETE FROM videos WHERE id = vid;
    IF key IS NOT NULL THEN
        INSERT INTO video_deletions (video_id, media_key, next_attempt_at) VALUES (vid, key, over);
    END IF;
    RETURN true;
END
$$;

-- Puts rows back that were kept as JSON: those columns that were kept and that can be written. A column that has
-- been added since gets its default.
CREATE FUNCTION restore_rows(relation regclass, kept jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    columns text := (
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND kept->0 ? attname);
BEGIN
    IF jsonb_array_length(kept) > 0 THEN
        EXECUTE format('INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE'
            ' SELECT %2$s FROM jsonb_populate_recordset(NULL::%1$s, $1)', relation, columns) USING kept;
    END IF;
END
$$;

-- Brings a video back. False when it isn't there, or when its time is over or its file may be gone.
CREATE FUNCTION video_restore(vid bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    kept deleted_videos;
BEGIN
    DELETE FROM deleted_videos WHERE video_id = vid AND purge_at > now() RETURNING * INTO kept;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM video_deletions
        WHERE media_key = (kept.video->>'media_key')::uuid AND next_attempt_at > now() AND leased_by IS NULL;
    IF NOT FOUND AND kept.video->>'media_key' IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM restore_rows('videos', jsonb_build_array(kept.video));
    PERFORM restore_rows('comments', kept.comments);
    RETURN true;
END
$$;

GRANT INSERT ON deleted_videos TO video_api;
GRANT SELECT, INSERT, DELETE ON deleted_videos TO video_scheduler;
GRANT INSERT ON videos TO video_scheduler;
GRANT SELECT, INSERT ON comments TO video_scheduler;
GRANT SELECT, INSERT, UPDATE ON sweeps TO video_scheduler;
GRANT SELECT ON media_references TO video_scheduler;
GRANT SELECT (token_hash, expires_at), UPDATE (expires_at), DELETE ON sessions TO video_scheduler;
GRANT UPDATE (media_key, content_type, size, upload_time) ON videos TO video_scheduler;
